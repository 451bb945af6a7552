/* SPDX-License-Identifier: MIT */
/* The formatter of format.h: one pass over the format, no buffer beyond one number's digits. */
#include "hv/lib/format.h"
#include "hv/lib/string.h"

struct spec {
	bool left, zero, plus, space, alternate, upper;
	int width, precision; /* precision -1: not given */
	int length;           /* -2 hh, -1 h, 0, 1 l/z, 2 ll */
};

struct sink {
	void (*put)(void *context, char c);
	void *context;
};

static void put_repeated(struct sink *out, char c, int count)
{
	for (; count > 0; count--)
		out->put(out->context, c);
}

static void put_text(struct sink *out, const struct spec *spec, const char *text, int length)
{
	if (!spec->left)
		put_repeated(out, ' ', spec->width - length);
	for (int i = 0; i < length; i++)
		out->put(out->context, text[i]);
	if (spec->left)
		put_repeated(out, ' ', spec->width - length);
}

static void put_number(struct sink *out, const struct spec *spec, u64 value, unsigned base, const char *prefix)
{
	const char *digits = spec->upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[24];
	int count = 0, zeros = 0, prefix_length = (int)strlen(prefix), total;

	for (; value; value /= base)
		text[count++] = digits[value % base];
	if (count == 0 && spec->precision != 0)
		text[count++] = '0';
	if (spec->precision > count)
		zeros = spec->precision - count;
	else if (spec->precision < 0 && spec->zero && !spec->left && spec->width > count + prefix_length)
		zeros = spec->width - count - prefix_length;
	total = count + zeros + prefix_length;
	if (!spec->left)
		put_repeated(out, ' ', spec->width - total);
	for (; *prefix; prefix++)
		out->put(out->context, *prefix);
	put_repeated(out, '0', zeros);
	while (count > 0)
		out->put(out->context, text[--count]);
	if (spec->left)
		put_repeated(out, ' ', spec->width - total);
}

static s64 take_signed(int length, va_list *args)
{
	switch (length) {
	case -2: return (s8)va_arg(*args, int);
	case -1: return (s16)va_arg(*args, int);
	case 0: return va_arg(*args, int);
	default: return va_arg(*args, s64);
	}
}

static u64 take_unsigned(int length, va_list *args)
{
	switch (length) {
	case -2: return (u8)va_arg(*args, unsigned);
	case -1: return (u16)va_arg(*args, unsigned);
	case 0: return va_arg(*args, unsigned);
	default: return va_arg(*args, u64);
	}
}

static int take_count(const char **fmt, va_list *args)
{
	int value = 0;

	if (**fmt == '*') {
		(*fmt)++;
		return va_arg(*args, int);
	}
	for (; **fmt >= '0' && **fmt <= '9'; (*fmt)++)
		if (value < 100000)
			value = value * 10 + (**fmt - '0');
	return value;
}

static const char *parse_spec(const char *fmt, struct spec *spec, va_list *args)
{
	*spec = (struct spec){ .precision = -1 };
	for (;; fmt++) {
		if (*fmt == '-')
			spec->left = true;
		else if (*fmt == '0')
			spec->zero = true;
		else if (*fmt == '+')
			spec->plus = true;
		else if (*fmt == ' ')
			spec->space = true;
		else if (*fmt == '#')
			spec->alternate = true;
		else
			break;
	}
	spec->width = take_count(&fmt, args);
	if (spec->width < 0) {
		spec->left = true;
		spec->width = -spec->width;
	}
	if (*fmt == '.') {
		fmt++;
		spec->precision = take_count(&fmt, args);
	}
	for (; *fmt == 'h' || *fmt == 'l' || *fmt == 'z'; fmt++)
		spec->length += *fmt == 'h' ? -1 : 1;
	return fmt;
}

static void put_string(struct sink *out, const struct spec *spec, const char *text)
{
	size_t length;

	if (!text)
		text = "(null)";
	length = spec->precision >= 0 ? strnlen(text, (size_t)spec->precision) : strlen(text);
	put_text(out, spec, text, (int)length);
}

static void put_signed(struct sink *out, const struct spec *spec, s64 value)
{
	const char *sign = value < 0 ? "-" : spec->plus ? "+" : spec->space ? " " : "";

	put_number(out, spec, value < 0 ? 0 - (u64)value : (u64)value, 10, sign);
}

static void put_conversion(struct sink *out, struct spec *spec, char conversion, va_list *args)
{
	u64 value;
	char c;

	switch (conversion) {
	case 'd':
	case 'i':
		put_signed(out, spec, take_signed(spec->length, args));
		break;
	case 'u':
		put_number(out, spec, take_unsigned(spec->length, args), 10, "");
		break;
	case 'X':
		spec->upper = true;
		/* fall through */
	case 'x':
		value = take_unsigned(spec->length, args);
		put_number(out, spec, value, 16, spec->alternate && value ? (spec->upper ? "0X" : "0x") : "");
		break;
	case 'p':
		put_number(out, spec, (u64)(uintptr_t)va_arg(*args, void *), 16, "0x");
		break;
	case 'c':
		c = (char)va_arg(*args, int);
		put_text(out, spec, &c, 1);
		break;
	case 's':
		put_string(out, spec, va_arg(*args, const char *));
		break;
	default: /* "%%", and an unknown conversion shows itself */
		out->put(out->context, conversion);
		break;
	}
}

void vformat_to(void (*put)(void *context, char c), void *context, const char *fmt, va_list args)
{
	struct sink out = { put, context };
	struct spec spec;
	va_list copy;

	va_copy(copy, args); /* so that its address can be passed on any ABI */
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put(context, *fmt);
			continue;
		}
		fmt = parse_spec(fmt + 1, &spec, &copy);
		if (!*fmt)
			break;
		put_conversion(&out, &spec, *fmt, &copy);
	}
	va_end(copy);
}

struct bounded_buffer {
	char *data;
	size_t size, length;
};

static void put_bounded(void *context, char c)
{
	struct bounded_buffer *buffer = context;

	if (buffer->length + 1 < buffer->size)
		buffer->data[buffer->length] = c;
	buffer->length++;
}

size_t vformat(char *data, size_t size, const char *fmt, va_list args)
{
	struct bounded_buffer buffer = { data, size, 0 };

	vformat_to(put_bounded, &buffer, fmt, args);
	if (size)
		data[MIN(buffer.length, size - 1)] = 0;
	return buffer.length;
}

size_t format(char *data, size_t size, const char *fmt, ...)
{
	va_list args;
	size_t length;

	va_start(args, fmt);
	length = vformat(data, size, fmt, args);
	va_end(args);
	return length;
}
