/* SPDX-License-Identifier: MIT */
/*
 * Keyboard layouts as data: a character for each key of the main block, in the order of ps2_keymap.c's key_order: the
 * row of digits, three rows of letters (with the key left of Enter and the one right of the left Shift).
 */
#include "drivers/ps2_keymap.h"
#include "hv/lib/string.h"

#define KEYS(digits, upper, home, enter_left, shift_right, lower) digits upper home enter_left shift_right lower

#define LAYOUT_TEXT(name, ...)                                                                                    \
	static const u16 name[] = KEYS(__VA_ARGS__);                                                              \
	STATIC_ASSERT(sizeof(name) == 2 * (KEYBOARD_KEYS + 1), "a layout has a character for each key")

LAYOUT_TEXT(us_plain, u"`1234567890-=", u"qwertyuiop[]", u"asdfghjkl;'", u"\\", u"\\", u"zxcvbnm,./");
LAYOUT_TEXT(us_shift, u"~!@#$%^&*()_+", u"QWERTYUIOP{}", u"ASDFGHJKL:\"", u"|", u"|", u"ZXCVBNM<>?");
LAYOUT_TEXT(no_altgr, u"             ", u"            ", u"           ", u" ", u" ", u"          ");

LAYOUT_TEXT(uk_plain, u"`1234567890-=", u"qwertyuiop[]", u"asdfghjkl;'", u"#", u"\\", u"zxcvbnm,./");
LAYOUT_TEXT(uk_shift, u"¬!\"£$%^&*()_+", u"QWERTYUIOP{}", u"ASDFGHJKL:@", u"~", u"|", u"ZXCVBNM<>?");
LAYOUT_TEXT(uk_altgr, u"¦   €        ", u"  é   úíó   ", u"á          ", u" ", u" ", u"          ");

LAYOUT_TEXT(de_plain, u"^1234567890ß´", u"qwertzuiopü+", u"asdfghjklöä", u"#", u"<", u"yxcvbnm,.-");
LAYOUT_TEXT(de_shift, u"°!\"§$%&/()=?`", u"QWERTZUIOPÜ*", u"ASDFGHJKLÖÄ", u"'", u">", u"YXCVBNM;:_");
LAYOUT_TEXT(de_altgr, u"  ²³   {[]}\\ ", u"@ €        ~", u"           ", u" ", u"|", u"      µ   ");

LAYOUT_TEXT(es_plain, u"º1234567890'¡", u"qwertyuiop`+", u"asdfghjklñ´", u"ç", u"<", u"zxcvbnm,.-");
LAYOUT_TEXT(es_shift, u"ª!\"·$%&/()=?¿", u"QWERTYUIOP^*", u"ASDFGHJKLÑ¨", u"Ç", u">", u"ZXCVBNM;:_");
LAYOUT_TEXT(es_altgr, u"\\|@#~€¬      ", u"  €       []", u"          {", u"}", u" ", u"          ");

LAYOUT_TEXT(fr_plain, u"²&é\"'(-è_çà)=", u"azertyuiop^$", u"qsdfghjklmù", u"*", u"<", u"wxcvbn,;:!");
LAYOUT_TEXT(fr_shift, u" 1234567890°+", u"AZERTYUIOP¨£", u"QSDFGHJKLM%", u"µ", u">", u"WXCVBN?./§");
LAYOUT_TEXT(fr_altgr, u"  ~#{[|`\\^@]}", u"  €        ¤", u"           ", u" ", u" ", u"          ");

const struct keyboard_layout keyboard_layouts[] = {
	{ "us", us_plain, us_shift, no_altgr, u"" },
	{ "uk", uk_plain, uk_shift, uk_altgr, u"" },
	{ "de", de_plain, de_shift, de_altgr, u"^´`" },
	{ "es", es_plain, es_shift, es_altgr, u"`^´¨" },
	{ "fr", fr_plain, fr_shift, fr_altgr, u"^¨" },
};
const unsigned keyboard_layout_count = ARRAY_SIZE(keyboard_layouts);

const struct keyboard_layout *keyboard_layout_find(const char *name)
{
	for (unsigned i = 0; i < keyboard_layout_count; i++) {
		if (string_equal(keyboard_layouts[i].name, name))
			return &keyboard_layouts[i];
	}
	return NULL;
}
