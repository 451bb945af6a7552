/* SPDX-License-Identifier: MIT */
/*
 * Scan codes to characters and escape sequences: see ps2_keymap.h. Pure. Bytes that no key sends (a keyboard's answers,
 * noise) give nothing. Scan codes: IBM PS/2 Technical Reference, "Keyboard Scan Codes", set 1; sequences as xterm's.
 */
#include "drivers/ps2_keymap.h"
#include "hv/lib/format.h"
#include "hv/lib/string.h"
#include "hv/lib/utf8.h"

enum {
	KEY_ESCAPE = 0x01, KEY_BACKSPACE = 0x0e, KEY_TAB = 0x0f, KEY_ENTER = 0x1c, KEY_CONTROL = 0x1d, KEY_SHIFT_LEFT = 0x2a,
	KEY_SHIFT_RIGHT = 0x36, KEY_PAD_STAR = 0x37, KEY_ALT = 0x38, KEY_SPACE = 0x39, KEY_CAPS_LOCK = 0x3a, KEY_F1 = 0x3b,
	KEY_F10 = 0x44, KEY_NUM_LOCK = 0x45, KEY_PAD_7 = 0x47, KEY_PAD_POINT = 0x53, KEY_F11 = 0x57, KEY_F12 = 0x58,
	KEY_PAGE_UP = 0x49, KEY_PAGE_DOWN = 0x51, KEY_DELETE = 0x53, KEY_SLASH = 0x35,
	KEY_RELEASED = 0x80,
};

static const u8 key_order[KEYBOARD_KEYS] = {
	0x29, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d,
	0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b,
	0x1e, 0x1f, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x2b,
	0x56, 0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35,
};

static const struct { u16 accent; const u16 *letters, *together; } accents[] = {
	{ u'´', u"aeiouyAEIOUY", u"áéíóúýÁÉÍÓÚÝ" },
	{ u'`', u"aeiouAEIOU", u"àèìòùÀÈÌÒÙ" },
	{ u'^', u"aeiouAEIOU", u"âêîôûÂÊÎÔÛ" },
	{ u'¨', u"aeiouyAEIOU", u"äëïöüÿÄËÏÖÜ" },
};

static void put_text(struct keyboard_output *output, const char *text)
{
	for (; *text && output->count < sizeof(output->bytes); text++)
		output->bytes[output->count++] = *text;
}

static void put_character(struct keyboard_output *output, u32 character)
{
	char bytes[4];
	unsigned count = utf8_encode(character, bytes);

	for (unsigned i = 0; i < count && output->count < sizeof(output->bytes); i++)
		output->bytes[output->count++] = bytes[i];
}

static bool shifted(const struct keyboard *keyboard)
{
	return keyboard->shift_left || keyboard->shift_right;
}

static bool controlled(const struct keyboard *keyboard)
{
	return keyboard->control_left || keyboard->control_right;
}

/* What Ctrl makes of a character, as terminals do; -1: nothing. */
static int control_of(u32 character)
{
	if (character >= 'a' && character <= 'z')
		return (int)(character - 'a' + 1);
	if (character >= '@' && character <= '_')
		return (int)(character - '@');
	if (character == ' ' || character == '2')
		return 0;
	if (character >= '3' && character <= '7')
		return (int)(character - '3' + 0x1b);
	return character == '?' || character == '8' ? 0x7f : character == '/' || character == '-' ? 0x1f : -1;
}

static bool is_dead(const struct keyboard *keyboard, u16 character)
{
	for (const u16 *dead = keyboard->layout->dead; *dead; dead++) {
		if (*dead == character)
			return true;
	}
	return false;
}

/* A letter after an accent: both as one, or both one after the other. */
static void put_accented(struct keyboard *keyboard, struct keyboard_output *output, u16 character)
{
	u16 accent = keyboard->accent;

	keyboard->accent = 0;
	for (size_t i = 0; i < ARRAY_SIZE(accents); i++) {
		if (accents[i].accent != accent)
			continue;
		for (unsigned k = 0; accents[i].letters[k]; k++) {
			if (accents[i].letters[k] == character) {
				put_character(output, accents[i].together[k]);
				return;
			}
		}
	}
	put_character(output, accent);
	if (character != ' ')
		put_character(output, character);
}

static void typed(struct keyboard *keyboard, struct keyboard_output *output, u16 character)
{
	int control = controlled(keyboard) ? control_of(character) : -1;

	if (keyboard->alt)
		put_text(output, "\x1b");
	if (control >= 0) {
		output->bytes[output->count++] = (char)control;
		return;
	}
	if (keyboard->accent)
		put_accented(keyboard, output, character);
	else if (is_dead(keyboard, character) && !keyboard->alt)
		keyboard->accent = character;
	else
		put_character(output, character);
}

static bool is_letter(u16 character)
{
	return (character >= 'a' && character <= 'z') || (character >= 0xe0 && character <= 0xfe && character != 0xf7);
}

/* A key of the main block; false: it is none. */
static bool layout_key(struct keyboard *keyboard, struct keyboard_output *output, u8 key)
{
	const struct keyboard_layout *layout = keyboard->layout;

	for (unsigned i = 0; i < KEYBOARD_KEYS; i++) {
		u16 character;

		if (key_order[i] != key)
			continue;
		if (keyboard->altgr && layout->altgr[i] != ' ') {
			character = layout->altgr[i];
		} else {
			bool upper = shifted(keyboard) != (keyboard->caps_lock && is_letter(layout->plain[i]));

			character = upper ? layout->shift[i] : layout->plain[i];
		}
		if (character != ' ')
			typed(keyboard, output, character);
		return true;
	}
	return false;
}

/* Cursor and editing keys; they stand on the number pad's places. */
static void editing_key(struct keyboard *keyboard, struct keyboard_output *output, u8 key)
{
	static const char letters[] = { [0] = 'H', [1] = 'A', [4] = 'D', [6] = 'C', [8] = 'F', [9] = 'B' };
	static const char numbers[] = { [2] = '5', [10] = '6', [11] = '2', [12] = '3' };
	unsigned place = key - KEY_PAD_7;
	char text[12];

	if (shifted(keyboard) && (key == KEY_PAGE_UP || key == KEY_PAGE_DOWN)) {
		output->event = key == KEY_PAGE_UP ? KEYBOARD_LOOK_BACK : KEYBOARD_LOOK_FORWARD;
		return;
	}
	if (controlled(keyboard) && (keyboard->alt || keyboard->altgr) && key == KEY_DELETE) {
		output->event = KEYBOARD_REBOOT;
		return;
	}
	if (place < sizeof(letters) && letters[place]) {
		if (controlled(keyboard))
			format(text, sizeof(text), "\x1b[1;5%c", letters[place]);
		else
			format(text, sizeof(text), keyboard->application_keys ? "\x1bO%c" : "\x1b[%c", letters[place]);
		put_text(output, text);
	} else if (place < sizeof(numbers) && numbers[place]) {
		format(text, sizeof(text), "\x1b[%c~", numbers[place]);
		put_text(output, text);
	}
}

static void function_key(struct keyboard_output *output, unsigned number)
{
	static const u8 codes[] = { 15, 17, 18, 19, 20, 21, 23, 24 }; /* F5 to F12 */
	char text[12];

	if (number <= 4)
		format(text, sizeof(text), "\x1bO%c", (char)('P' + number - 1));
	else
		format(text, sizeof(text), "\x1b[%u~", codes[number - 5]);
	put_text(output, text);
}

static void pad_key(struct keyboard *keyboard, struct keyboard_output *output, u8 key)
{
	static const char digits[] = "789-456+1230.";

	if (digits[key - KEY_PAD_7] == '-' || digits[key - KEY_PAD_7] == '+' || keyboard->num_lock != shifted(keyboard))
		typed(keyboard, output, (u16)digits[key - KEY_PAD_7]);
	else
		editing_key(keyboard, output, key);
}

static void extended_key(struct keyboard *keyboard, struct keyboard_output *output, u8 key)
{
	if (key == KEY_ENTER)
		put_text(output, "\r");
	else if (key == KEY_SLASH)
		typed(keyboard, output, '/');
	else if (key >= KEY_PAD_7 && key <= KEY_PAD_POINT)
		editing_key(keyboard, output, key);
}

static void plain_key(struct keyboard *keyboard, struct keyboard_output *output, u8 key)
{
	if (layout_key(keyboard, output, key))
		return;
	switch (key) {
	case KEY_ESCAPE:
		put_text(output, "\x1b");
		break;
	case KEY_BACKSPACE:
		put_text(output, keyboard->alt ? "\x1b\x7f" : "\x7f");
		break;
	case KEY_TAB:
		put_text(output, shifted(keyboard) ? "\x1b[Z" : "\t");
		break;
	case KEY_ENTER:
		put_text(output, "\r");
		break;
	case KEY_SPACE:
		typed(keyboard, output, ' ');
		break;
	case KEY_PAD_STAR:
		typed(keyboard, output, '*');
		break;
	case KEY_F11:
	case KEY_F12:
		function_key(output, key - KEY_F11 + 11u);
		break;
	default:
		if (key >= KEY_F1 && key <= KEY_F10)
			function_key(output, key - KEY_F1 + 1u);
		else if (key >= KEY_PAD_7 && key <= KEY_PAD_POINT)
			pad_key(keyboard, output, key);
		break;
	}
}

/* Shift, Ctrl, Alt and the locks; false: another key. */
static bool modifier(struct keyboard *keyboard, u8 key, bool extended, bool pressed)
{
	switch (key) {
	case KEY_SHIFT_LEFT:
		if (!extended) /* with E0 it is a shift that the keyboard makes up around other keys */
			keyboard->shift_left = pressed;
		return true;
	case KEY_SHIFT_RIGHT:
		if (!extended)
			keyboard->shift_right = pressed;
		return true;
	case KEY_CONTROL:
		*(extended ? &keyboard->control_right : &keyboard->control_left) = pressed;
		return true;
	case KEY_ALT:
		*(extended ? &keyboard->altgr : &keyboard->alt) = pressed;
		return true;
	case KEY_CAPS_LOCK:
		keyboard->caps_lock ^= pressed;
		return true;
	case KEY_NUM_LOCK:
		keyboard->num_lock ^= pressed && !extended;
		return true;
	}
	return false;
}

void keyboard_decode(struct keyboard *keyboard, u8 scan_code, struct keyboard_output *output)
{
	bool extended = keyboard->extended, pressed = !(scan_code & KEY_RELEASED);
	u8 key = scan_code & 0x7f;

	memset(output, 0, sizeof(*output));
	if (keyboard->skip) {
		keyboard->skip--;
		return;
	}
	keyboard->extended = scan_code == 0xe0;
	if (scan_code == 0xe1) /* Pause: E1 1D 45 E1 9D C5 */
		keyboard->skip = 2;
	if (scan_code >= 0xe0)
		return;
	if (modifier(keyboard, key, extended, pressed) || !pressed)
		return;
	if (extended)
		extended_key(keyboard, output, key);
	else
		plain_key(keyboard, output, key);
}
