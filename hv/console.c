/* SPDX-License-Identifier: MIT */
/*
 * The host's consoles: see console.h. Input is gathered in a ring by the device's interrupt; all output goes through
 * one mutex for each console, which is what keeps rows whole.
 *
 * Ctrl-C: the shell asks for it while a command runs (wait_interrupt). It is looked for in the ring, and what was typed
 * before it is dropped. A ring that is full still takes a Ctrl-C, so that a paste gone wrong can be ended.
 */
#include "hv/clock.h"
#include "hv/console.h"
#include "hv/kmalloc.h"
#include "hv/lib/error.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/log.h"
#include "hv/shell/shell.h"
#include "hv/thread.h"

#define INPUT_BYTES 16384u /* a power of two */
#define KEY_INTERRUPT 0x03

struct console {
	struct char_device *device;   /* (c) */
	unsigned (*columns)(void);    /* (c) */
	struct spinlock input_lock;
	u32 head, tail;               /* [input_lock] free-running */
	bool woken;                   /* [input_lock] wake() was called */
	bool interrupt_lost_in_full;  /* [input_lock] a Ctrl-C came while the ring was full */
	char input[INPUT_BYTES];      /* [input_lock] */
	struct waitqueue input_came, space_came;
	struct mutex output;
	struct line_row row;          /* [output] what is being edited */
	bool editing;                 /* [output] */
	bool at_line_start;           /* [output] */
	u32 hold;                     /* (a) log lines stay off */
	u64 log_position;             /* the log thread's */
	u64 space_count;              /* (a) how often the device told of room */
	struct shell shell;           /* the shell thread's */
};

static enum log_level console_level = LOG_NOTICE; /* (a) */

/* Device to console: interrupt context. */
static void received(void *context, const char *bytes, size_t count)
{
	struct console *console = context;
	u64 flags = lock_irqsave(&console->input_lock);

	for (size_t i = 0; i < count; i++) {
		if (console->head - console->tail < INPUT_BYTES)
			console->input[console->head++ % INPUT_BYTES] = bytes[i];
		else if (bytes[i] == KEY_INTERRUPT)
			console->interrupt_lost_in_full = true;
	}
	unlock_irqrestore(&console->input_lock, flags);
	waitqueue_wake_all(&console->input_came);
}

static void writable(void *context)
{
	struct console *console = context;

	__atomic_fetch_add(&console->space_count, 1, __ATOMIC_SEQ_CST);
	waitqueue_wake_all(&console->space_came);
}

/* Under the output mutex: all bytes, waiting for room where the device has none. */
static void send(struct console *console, const char *bytes, size_t count)
{
	while (count) {
		u64 seen = __atomic_load_n(&console->space_count, __ATOMIC_SEQ_CST);
		size_t taken = console->device->write(console->device, bytes, count);

		bytes += taken;
		count -= taken;
		/* A device that never tells (a UART whose line is dead) costs a second for each piece, not the console. */
		if (count && !waitqueue_wait_until(&console->space_came,
						   __atomic_load_n(&console->space_count, __ATOMIC_SEQ_CST) != seen,
						   clock_ns() + NS_PER_S))
			return;
	}
}

/* "\n" becomes "\r\n". */
static void send_text(struct console *console, const char *bytes, size_t count)
{
	size_t start = 0;

	for (size_t i = 0; i < count; i++) {
		if (bytes[i] != '\n')
			continue;
		send(console, bytes + start, i - start);
		send(console, "\r\n", 2);
		start = i + 1;
	}
	send(console, bytes + start, count - start);
	if (count)
		console->at_line_start = bytes[count - 1] == '\n';
}

/* Draws the row where the last one stood; a row that only grew at its end costs only what is new. */
static void draw_row(struct console *console, const struct line_row *row)
{
	const struct line_row *old = &console->row;
	char back[16];

	if (console->editing && !old->back_columns && !row->back_columns && row->bytes >= old->bytes &&
	    !memcmp(row->text, old->text, old->bytes)) {
		send(console, row->text + old->bytes, row->bytes - old->bytes);
		return;
	}
	send(console, "\r", 1);
	send(console, row->text, row->bytes);
	send(console, "\x1b[K", 3);
	if (row->back_columns)
		send(console, back, format(back, sizeof(back), "\x1b[%uD", row->back_columns));
}

static void terminal_write(void *context, const char *bytes, size_t count)
{
	struct console *console = context;

	mutex_lock(&console->output);
	send_text(console, bytes, count);
	mutex_unlock(&console->output);
}

static void terminal_write_raw(void *context, const char *bytes, size_t count)
{
	struct console *console = context;

	mutex_lock(&console->output);
	send(console, bytes, count);
	console->at_line_start = false;
	mutex_unlock(&console->output);
}

static void terminal_set_row(void *context, const struct line_row *row)
{
	struct console *console = context;

	mutex_lock(&console->output);
	if (row) {
		draw_row(console, row);
		console->row = *row;
		console->editing = true;
	} else {
		if (console->editing && console->row.bytes)
			send(console, "\r\n", 2);
		console->editing = false;
		console->row.bytes = 0;
		console->at_line_start = true;
	}
	mutex_unlock(&console->output);
}

static void terminal_clear(void *context)
{
	struct console *console = context;

	mutex_lock(&console->output);
	send(console, "\x1b[H\x1b[2J", 7);
	if (console->editing) {
		console->editing = false;
		draw_row(console, &console->row);
		console->editing = true;
	}
	mutex_unlock(&console->output);
}

static size_t take_input(struct console *console, char *bytes, size_t max, bool *woken)
{
	u64 flags = lock_irqsave(&console->input_lock);
	size_t count = 0;

	while (count < max && console->tail != console->head)
		bytes[count++] = console->input[console->tail++ % INPUT_BYTES];
	if (count < max && console->interrupt_lost_in_full) {
		console->interrupt_lost_in_full = false;
		bytes[count++] = KEY_INTERRUPT;
	}
	*woken = console->woken;
	console->woken = false;
	unlock_irqrestore(&console->input_lock, flags);
	return count;
}

static u64 deadline_of(u64 timeout_ns)
{
	u64 now = clock_ns();

	return timeout_ns >= WAITQUEUE_NO_TIMEOUT - now ? WAITQUEUE_NO_TIMEOUT : now + timeout_ns;
}

static size_t terminal_read(void *context, char *bytes, size_t max, u64 timeout_ns)
{
	struct console *console = context;
	size_t count;
	bool woken;

	count = take_input(console, bytes, max, &woken);
	if (count || woken || !timeout_ns)
		return count;
	(void)waitqueue_wait_until(&console->input_came, (count = take_input(console, bytes, max, &woken)) != 0 || woken,
				   deadline_of(timeout_ns));
	return count;
}

/* Drops what stands before and with the last Ctrl-C in the ring; false: there is none. */
static bool take_interrupt(struct console *console, bool *woken)
{
	u64 flags = lock_irqsave(&console->input_lock);
	bool found = console->interrupt_lost_in_full;

	if (found)
		console->tail = console->head;
	for (u32 at = console->head; !found && at != console->tail; at--) {
		found = console->input[(at - 1) % INPUT_BYTES] == KEY_INTERRUPT;
		if (found) {
			console->tail = at;
			break;
		}
	}
	console->interrupt_lost_in_full = false;
	*woken = console->woken;
	console->woken = false;
	unlock_irqrestore(&console->input_lock, flags);
	return found;
}

static bool terminal_wait_interrupt(void *context, u64 timeout_ns)
{
	struct console *console = context;
	bool woken, found = take_interrupt(console, &woken);

	if (found || woken || !timeout_ns)
		return found;
	(void)waitqueue_wait_until(&console->input_came, (found = take_interrupt(console, &woken)) || woken,
				   deadline_of(timeout_ns));
	return found;
}

static void terminal_wake(void *context)
{
	struct console *console = context;
	u64 flags = lock_irqsave(&console->input_lock);

	console->woken = true;
	unlock_irqrestore(&console->input_lock, flags);
	waitqueue_wake_all(&console->input_came);
}

static void terminal_hold_log(void *context, bool hold)
{
	struct console *console = context;

	__atomic_store_n(&console->hold, hold, __ATOMIC_SEQ_CST);
}

static unsigned terminal_columns(void *context)
{
	struct console *console = context;

	return console->columns ? console->columns() : 80;
}

static const struct shell_terminal console_terminal = {
	.write = terminal_write,
	.write_raw = terminal_write_raw,
	.read = terminal_read,
	.wait_interrupt = terminal_wait_interrupt,
	.set_row = terminal_set_row,
	.clear = terminal_clear,
	.hold_log = terminal_hold_log,
	.wake = terminal_wake,
	.columns = terminal_columns,
};

void console_set_log_level(enum log_level level)
{
	__atomic_store_n(&console_level, level, __ATOMIC_RELAXED);
}

/* One log line: above the row that is edited, or on a line of its own. */
static void print_log_line(struct console *console, const struct log_record *record)
{
	char line[LOG_TEXT_MAX + 40];
	size_t length = format(line, sizeof(line), "[%5llu.%06llu] %s%s\n",
			       (unsigned long long)(record->time_ns / NS_PER_S),
			       (unsigned long long)(record->time_ns / NS_PER_US % 1000000),
			       record->level <= LOG_ERROR ? "error: " : "", record->text);

	mutex_lock(&console->output);
	if (console->editing) {
		send(console, "\r\x1b[K", 4);
	} else if (!console->at_line_start) {
		send(console, "\r\n", 2);
	}
	send_text(console, line, MIN(length, sizeof(line) - 1));
	if (console->editing) {
		console->editing = false;
		draw_row(console, &console->row);
		console->editing = true;
	}
	mutex_unlock(&console->output);
}

static void log_thread(void *argument)
{
	struct console *console = argument;
	struct log_record *record = kmalloc(sizeof(*record));

	while (record) {
		while (log_read(&console->log_position, record)) {
			if (record->level <= __atomic_load_n(&console_level, __ATOMIC_RELAXED) &&
			    !__atomic_load_n(&console->hold, __ATOMIC_SEQ_CST))
				print_log_line(console, record);
		}
		(void)log_wait(console->log_position, WAITQUEUE_NO_TIMEOUT);
	}
}

static void shell_thread(void *argument)
{
	struct console *console = argument;

	shell_run(&console->shell);
}

int console_open(struct char_device *device, unsigned (*columns)(void), u64 log_position)
{
	struct console *console = kzalloc(sizeof(*console));
	struct thread *shell, *log;

	if (!console)
		return ERR_NO_MEMORY;
	console->device = device;
	console->columns = columns;
	console->log_position = log_position;
	console->at_line_start = true;
	spinlock_init(&console->input_lock, "console input", LOCK_RANK_CONSOLE);
	waitqueue_init(&console->input_came, "console input");
	waitqueue_init(&console->space_came, "console output");
	mutex_init(&console->output, "console output");
	shell_init(&console->shell, &console_terminal, console);
	device->context = console;
	device->writable = writable;
	device->received = received;
	log = thread_create("console log", log_thread, console);
	shell = thread_create("shell", shell_thread, console);
	if (log)
		thread_detach(log);
	if (shell)
		thread_detach(shell);
	return log && shell ? OK : ERR_NO_MEMORY; /* what started keeps the console: it is not freed */
}
