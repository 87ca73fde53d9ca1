// SPDX-License-Identifier: MIT
#include "framing.h"

#include <string.h>

/* Senders put newlines and NULs between counted messages, and after lines. */
static int is_filling(uint8_t byte)
{
	return byte == '\n' || byte == '\r' || byte == '\0';
}

#define HEAD_NONE 0 /* a line */
#define HEAD_MORE (-1)

/* The length of `NNN ` before a `<`, or HEAD_*; *ret_count is what it says. */
static int read_head(const uint8_t *data, size_t size, uint64_t *ret_count)
{
	uint64_t count = 0;
	uint32_t digits = 0;

	while (digits < size && digits < FRAMING_HEAD_MAX && data[digits] >= '0' &&
	       data[digits] <= '9')
		count = count * 10 + (uint64_t)(data[digits++] - '0');
	if (digits == size && digits < FRAMING_HEAD_MAX && (size == 0 || data[0] != '0'))
		return HEAD_MORE;
	if (digits == 0 || digits == FRAMING_HEAD_MAX || data[0] == '0' || data[digits] != ' ')
		return HEAD_NONE;
	if (size < digits + 2u)
		return HEAD_MORE;
	if (data[digits + 1] != '<')
		return HEAD_NONE;
	*ret_count = count;
	return (int)digits + 1;
}

/* A counted message, or its next part, of which `count` bytes are to come from `start` on. */
static int take_counted(struct framing *framing, uint32_t start, uint64_t count, size_t size,
			int at_end, struct frame *ret_frame)
{
	uint64_t here = size - start;
	uint64_t take = count < framing->max ? count : framing->max;

	if (here < take && !at_end)
		return 0;
	if (here < take)
		take = here;
	ret_frame->start = start;
	ret_frame->length = (uint32_t)take;
	ret_frame->span = start + (uint32_t)take;
	ret_frame->goes_on = framing->left != 0;
	framing->left = at_end && here == take ? 0 : count - take;
	ret_frame->is_part = ret_frame->goes_on || take < count;
	return 1;
}

static int take_line(struct framing *framing, const uint8_t *data, uint32_t start, size_t size,
		     int at_end, struct frame *ret_frame)
{
	size_t here = size - start;
	size_t most = here < (size_t)framing->max + 1 ? here : (size_t)framing->max + 1;
	const uint8_t *newline = memchr(data + start, '\n', most);
	uint32_t length = newline ? (uint32_t)(newline - data) - start : (uint32_t)most;

	if (!newline && here <= framing->max && !at_end)
		return 0;
	if (length > framing->max)
		length = framing->max;
	ret_frame->start = start;
	ret_frame->length = length;
	ret_frame->span = start + length + (newline != NULL);
	ret_frame->goes_on = framing->in_line;
	ret_frame->is_part = framing->in_line || (!newline && !(at_end && length == here));
	framing->in_line = !newline;
	return 1;
}

int framing_next(struct framing *framing, const uint8_t *data, size_t size, int at_end,
		 struct frame *ret_frame)
{
	uint32_t start = 0;
	uint64_t count = 0;
	int head;

	if (framing->left)
		return size && take_counted(framing, 0, framing->left, size, at_end, ret_frame);
	if (framing->in_line)
		return size && take_line(framing, data, 0, size, at_end, ret_frame);
	while (start < size && is_filling(data[start]))
		start++;
	if (start == size)
		return 0;
	head = read_head(data + start, size - start, &count);
	if (head == HEAD_MORE && !at_end)
		return 0;
	if (head > 0)
		return take_counted(framing, start + (uint32_t)head, count, size, at_end,
				    ret_frame);
	return take_line(framing, data, start, size, at_end, ret_frame);
}
