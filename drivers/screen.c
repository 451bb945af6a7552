/* SPDX-License-Identifier: MIT */
/*
 * The screen: one terminal grid under a lock, and the thread that draws it.
 *
 * Writers change the grid and wake the thread; it takes a row at a time under the lock and draws outside of it, so that
 * interrupts are never off while pixels are written. Between two pictures it rests a little: a burst of output is drawn
 * once. An idle screen wakes nobody.
 */
#include "drivers/screen.h"
#include "hv/clock.h"
#include "hv/lib/error.h"
#include "hv/lib/string.h"
#include "hv/thread.h"

#define REST_NS (20 * NS_PER_MS)
#define CHUNK_BYTES 256 /* of output that one holding of the lock takes in */

static struct {
	struct spinlock lock;
	struct terminal terminal;       /* [lock] */
	struct framebuffer framebuffer; /* the drawing thread's; before it starts, the boot's; in a panic, the panic's */
	struct waitqueue changes;
	u32 changed;                    /* (a) */
	bool there, started;            /* (c) after start-up */
	char answer[64];                /* [lock] the terminal's answers, until the lock is free */
	unsigned answer_bytes;          /* [lock] */
	struct char_device device;
} screen;

static void draw_all(void)
{
	struct terminal_cell cells[TERMINAL_COLUMNS_MAX];

	for (unsigned row = 0; row < screen.framebuffer.rows; row++) {
		u64 flags = lock_irqsave(&screen.lock);

		framebuffer_take_row(&screen.framebuffer, &screen.terminal, row, cells);
		unlock_irqrestore(&screen.lock, flags);
		framebuffer_draw_row(&screen.framebuffer, row, cells);
	}
}

static void draw_thread(void *argument)
{
	(void)argument;
	for (;;) {
		waitqueue_wait(&screen.changes, __atomic_load_n(&screen.changed, __ATOMIC_ACQUIRE));
		__atomic_store_n(&screen.changed, 0, __ATOMIC_SEQ_CST);
		draw_all();
		thread_sleep_ns(REST_NS);
	}
}

static void changed(void)
{
	if (!__atomic_exchange_n(&screen.changed, 1, __ATOMIC_SEQ_CST) && screen.started)
		waitqueue_wake_one(&screen.changes);
}

static size_t screen_write(struct char_device *device, const char *bytes, size_t count)
{
	char answer[sizeof(screen.answer)];

	for (size_t done = 0; done < count;) {
		unsigned answer_bytes;
		size_t part = MIN(count - done, (size_t)CHUNK_BYTES);
		u64 flags = lock_irqsave(&screen.lock);

		screen.terminal.look_back = 0;
		terminal_write(&screen.terminal, bytes + done, part);
		answer_bytes = screen.answer_bytes;
		memcpy(answer, screen.answer, answer_bytes);
		screen.answer_bytes = 0;
		unlock_irqrestore(&screen.lock, flags);
		if (answer_bytes && device->received) /* an answer counts as typed */
			device->received(device->context, answer, answer_bytes);
		done += part;
	}
	changed();
	return count;
}

/* Under the screen's lock: kept until screen_write has given it back. A flood of questions gets few answers. */
static void reply(void *context, const char *bytes, size_t count)
{
	(void)context;
	if (count > sizeof(screen.answer) - screen.answer_bytes)
		return;
	memcpy(screen.answer + screen.answer_bytes, bytes, count);
	screen.answer_bytes += (unsigned)count;
}

int screen_init(const struct framebuffer_mode *mode)
{
	if (framebuffer_init(&screen.framebuffer, mode) != OK)
		return ERR_INVALID;
	spinlock_init(&screen.lock, "screen", LOCK_RANK_CONSOLE);
	waitqueue_init(&screen.changes, "screen");
	screen.terminal.reply = reply;
	terminal_init(&screen.terminal, screen.framebuffer.columns, screen.framebuffer.rows);
	screen.device = (struct char_device){ .name = "screen", .write = screen_write };
	screen.there = true;
	return OK;
}

void screen_start(void)
{
	struct thread *thread = screen.there ? thread_create("screen", draw_thread, NULL) : NULL;

	if (!thread)
		return;
	thread_detach(thread);
	screen.started = true;
	changed();
}

struct char_device *screen_device(void)
{
	return screen.there ? &screen.device : NULL;
}

unsigned screen_columns(void)
{
	return screen.framebuffer.columns;
}

bool screen_application_keys(void)
{
	return screen.terminal.application_keys;
}

void screen_look_back(int pages)
{
	u64 flags = lock_irqsave(&screen.lock);

	terminal_look(&screen.terminal, pages ? pages * (int)(screen.framebuffer.rows / 2) : -TERMINAL_LINES);
	unlock_irqrestore(&screen.lock, flags);
	changed();
}

void screen_write_now(const char *text, size_t count)
{
	struct terminal_cell cells[TERMINAL_COLUMNS_MAX];

	if (!screen.there)
		return;
	screen.terminal.look_back = 0;
	for (size_t i = 0; i < count; i++) {
		if (text[i] == '\n')
			terminal_write(&screen.terminal, "\r", 1);
		terminal_write(&screen.terminal, text + i, 1);
	}
	for (unsigned row = 0; row < screen.framebuffer.rows; row++) {
		framebuffer_take_row(&screen.framebuffer, &screen.terminal, row, cells);
		framebuffer_draw_row(&screen.framebuffer, row, cells);
	}
}
