/* SPDX-License-Identifier: MIT */
/* Bytes to keys: see text_keys.h. The sequences: ECMA-48; "XTerm Control Sequences"; console_codes(4). */
#include "hv/lib/utf8.h"
#include "hv/shell/text_keys.h"

#define CONTROL(c) ((c) & 0x1f)
#define PARAMETER_MAX 9999u

static enum text_key character(struct text_keys *keys, char c)
{
	keys->character[0] = c;
	keys->character_bytes = 1;
	return TEXT_KEY_CHARACTER;
}

static enum text_key command_key(u8 byte)
{
	switch (byte) {
	case CONTROL('A'): return TEXT_KEY_HOME;
	case CONTROL('B'): return TEXT_KEY_LEFT;
	case CONTROL('C'):
	case CONTROL('G'): return TEXT_KEY_CANCEL;
	case CONTROL('D'): return TEXT_KEY_DELETE;
	case CONTROL('E'): return TEXT_KEY_END;
	case CONTROL('F'): return TEXT_KEY_RIGHT;
	case CONTROL('H'):
	case 0x7f:         return TEXT_KEY_BACKSPACE;
	case CONTROL('K'): return TEXT_KEY_CUT;
	case CONTROL('L'): return TEXT_KEY_DRAW;
	case CONTROL('N'): return TEXT_KEY_DOWN;
	case CONTROL('O'):
	case CONTROL('S'): return TEXT_KEY_SAVE;
	case CONTROL('P'): return TEXT_KEY_UP;
	case CONTROL('Q'):
	case CONTROL('X'): return TEXT_KEY_LEAVE;
	case CONTROL('U'): return TEXT_KEY_CUT_LINE;
	case CONTROL('V'): return TEXT_KEY_PAGE_DOWN;
	case CONTROL('Y'): return TEXT_KEY_PAGE_UP;
	}
	return TEXT_KEY_NONE;
}

/* While text is pasted, control characters are no commands; Ctrl-C is one, should the paste's end have got lost. */
static enum text_key control_key(struct text_keys *keys, u8 byte)
{
	bool after_return = keys->after_return;

	keys->after_return = byte == '\r';
	if (byte == 0x1b) {
		keys->state = TEXT_KEYS_ESCAPE;
		return TEXT_KEY_NONE;
	}
	if (byte == '\r')
		return character(keys, '\n');
	if (byte == '\n')
		return after_return ? TEXT_KEY_NONE : character(keys, '\n');
	if (byte == '\t')
		return character(keys, '\t');
	if (keys->pasting && byte != CONTROL('C'))
		return TEXT_KEY_NONE;
	keys->pasting = false;
	return command_key(byte);
}

static enum text_key numbered_key(struct text_keys *keys)
{
	switch (keys->parameters[0]) {
	case 1:
	case 7: return TEXT_KEY_HOME;
	case 3: return TEXT_KEY_DELETE;
	case 4:
	case 8: return TEXT_KEY_END;
	case 5: return TEXT_KEY_PAGE_UP;
	case 6: return TEXT_KEY_PAGE_DOWN;
	case 12: return TEXT_KEY_SAVE; /* F2 */
	case 200: keys->pasting = true; break;
	case 201: keys->pasting = false; break;
	}
	return TEXT_KEY_NONE;
}

/* The byte that ends a CSI or SS3 sequence. A second parameter of 5 means with Ctrl. */
static enum text_key final_byte(struct text_keys *keys, u8 byte)
{
	bool ctrl = keys->parameter_count == 2 && keys->parameters[1] == 5;

	switch (byte) {
	case 'A': return TEXT_KEY_UP;
	case 'B': return TEXT_KEY_DOWN;
	case 'C': return TEXT_KEY_RIGHT;
	case 'D': return TEXT_KEY_LEFT;
	case 'F': return ctrl ? TEXT_KEY_LAST : TEXT_KEY_END;
	case 'H': return ctrl ? TEXT_KEY_FIRST : TEXT_KEY_HOME;
	case 'Q': return TEXT_KEY_SAVE; /* F2 */
	case 'R': return keys->parameter_count == 2 ? TEXT_KEY_SIZE : TEXT_KEY_NONE;
	case '~': return numbered_key(keys);
	}
	return TEXT_KEY_NONE;
}

static enum text_key csi_byte(struct text_keys *keys, u8 byte)
{
	if (byte >= '0' && byte <= '9') {
		if (!keys->parameter_count)
			keys->parameter_count = 1;
		if (keys->parameter_count <= 2) {
			unsigned *value = &keys->parameters[keys->parameter_count - 1];

			*value = MIN(*value * 10 + (byte - '0'), PARAMETER_MAX);
		}
		return TEXT_KEY_NONE;
	}
	if (byte == ';') {
		keys->parameter_count = MIN(MAX(keys->parameter_count, 1u) + 1, 3u);
		return TEXT_KEY_NONE;
	}
	if (byte == '[' && !keys->parameter_count) {
		keys->state = TEXT_KEYS_CSI_LINUX;
		return TEXT_KEY_NONE;
	}
	if (byte < 0x40)
		return TEXT_KEY_NONE; /* further marks of a sequence that is none of ours */
	keys->state = TEXT_KEYS_GROUND;
	return final_byte(keys, byte);
}

static enum text_key escape_byte(struct text_keys *keys, u8 byte)
{
	switch (keys->state) {
	case TEXT_KEYS_CSI:
		return csi_byte(keys, byte);
	case TEXT_KEYS_ESCAPE:
		keys->parameters[0] = keys->parameters[1] = keys->parameter_count = 0;
		keys->state = byte == '[' ? TEXT_KEYS_CSI : byte == 'O' ? TEXT_KEYS_SS3 : TEXT_KEYS_GROUND;
		return TEXT_KEY_NONE;
	case TEXT_KEYS_SS3:
		keys->state = TEXT_KEYS_GROUND;
		return final_byte(keys, byte);
	case TEXT_KEYS_CSI_LINUX: /* ESC [ [ B is F2 */
		keys->state = TEXT_KEYS_GROUND;
		return byte == 'B' ? TEXT_KEY_SAVE : TEXT_KEY_NONE;
	case TEXT_KEYS_GROUND:
		break;
	}
	return TEXT_KEY_NONE;
}

static enum text_key utf8_byte(struct text_keys *keys, u8 byte)
{
	u32 value;

	if ((byte & 0xc0) != 0x80) {
		keys->character_length = utf8_sequence_length(byte);
		keys->character_bytes = 0;
	}
	if (!keys->character_length)
		return TEXT_KEY_NONE;
	keys->character[keys->character_bytes++] = (char)byte;
	if (keys->character_bytes < keys->character_length)
		return TEXT_KEY_NONE;
	keys->character_length = 0;
	/* The second control set would be commands to the terminal when it is shown. */
	if (utf8_decode(keys->character, keys->character_bytes, &value) != keys->character_bytes || value < 0xa0)
		return TEXT_KEY_NONE;
	return TEXT_KEY_CHARACTER;
}

enum text_key text_keys_feed(struct text_keys *keys, u8 byte)
{
	if (byte < 0x80)
		keys->character_length = 0;
	if (byte < 0x20 || byte == 0x7f) {
		keys->state = TEXT_KEYS_GROUND;
		return control_key(keys, byte);
	}
	keys->after_return = false;
	if (keys->state != TEXT_KEYS_GROUND)
		return escape_byte(keys, byte);
	return byte < 0x80 ? character(keys, (char)byte) : utf8_byte(keys, byte);
}
