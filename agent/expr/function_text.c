// SPDX-License-Identifier: MIT
/* Text functions: each reads bytes and makes a new text in scratch memory, or a part of the old. */
#include "expr/function_text.h"

#include "batch/utf8.h"

static int text_argument(const struct evaluation *run, const struct node *node, uint32_t i,
			 struct weir_slice *ret_text)
{
	struct value value = evaluate(run, node->children[i]);

	if (!value_text(&run->expr->work, &value, ret_text))
		return 0;
	if (!ret_text->data)
		ret_text->data = ""; /* so that arithmetic on the pointer is defined */
	return 1;
}

static struct value with_case(const struct evaluation *run, const struct node *node, char first)
{
	struct weir_slice text;
	char *made;

	if (!text_argument(run, node, 0, &text))
		return value_of_tag(WEIR_NULL);
	made = scratch_take(&run->expr->work, text.size);
	if (!made)
		return value_of_tag(WEIR_NULL);
	for (size_t i = 0; i < text.size; i++) {
		unsigned letter = (unsigned char)text.data[i] - (unsigned char)first;

		made[i] = letter < 26 ? (char)(text.data[i] ^ 0x20) : text.data[i];
	}
	return value_string((struct weir_slice){made, text.size});
}

struct value call_lower(const struct evaluation *run, const struct node *node)
{
	return with_case(run, node, 'A');
}

struct value call_upper(const struct evaluation *run, const struct node *node)
{
	return with_case(run, node, 'a');
}

static int is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct value call_trim(const struct evaluation *run, const struct node *node)
{
	struct weir_slice text;

	if (!text_argument(run, node, 0, &text))
		return value_of_tag(WEIR_NULL);
	for (; text.size && is_space(text.data[0]); text.size--)
		text.data++;
	while (text.size && is_space(text.data[text.size - 1]))
		text.size--;
	return value_string(text);
}

/* Whether the second argument stands at the first's beginning (or end). */
static struct value stands_at(const struct evaluation *run, const struct node *node, int end)
{
	struct weir_slice text, part;

	if (!text_argument(run, node, 0, &text) || !text_argument(run, node, 1, &part) ||
	    part.size > text.size)
		return value_bool(0);
	if (part.size == 0)
		return value_bool(1);
	return value_bool(
		memcmp(text.data + (end ? text.size - part.size : 0), part.data, part.size) == 0);
}

struct value call_starts_with(const struct evaluation *run, const struct node *node)
{
	return stands_at(run, node, 0);
}

struct value call_ends_with(const struct evaluation *run, const struct node *node)
{
	return stands_at(run, node, 1);
}

/* A whole number between 0 and `most`; a negative one counts from there back. */
static int place_argument(const struct evaluation *run, const struct node *node, uint32_t i,
			  size_t most, size_t *ret_place)
{
	struct value value = evaluate(run, node->children[i]);
	struct number number;
	double place;

	if (!value_number(&value, &number))
		return 0;
	place = number.f64 < 0 ? number.f64 + (double)most : number.f64;
	*ret_place = place <= 0 ? 0 : place >= (double)most ? most : (size_t)place;
	return 1;
}

struct value call_substr(const struct evaluation *run, const struct node *node)
{
	struct weir_slice text;
	size_t from, size;

	if (!text_argument(run, node, 0, &text) || !place_argument(run, node, 1, text.size, &from))
		return value_of_tag(WEIR_NULL);
	size = text.size - from;
	if (node->count == 3 && !place_argument(run, node, 2, size, &size))
		return value_of_tag(WEIR_NULL);
	return value_string((struct weir_slice){text.data + from, size});
}

/* A text that grows in scratch memory. */
struct growing {
	struct scratch *scratch;
	char *data;
	size_t size, capacity;
};

static int grow(struct growing *made, const char *data, size_t size)
{
	if (made->capacity - made->size < size) {
		size_t capacity = (made->size + size) * 2;
		char *moved = scratch_take(made->scratch, capacity);

		if (!moved)
			return 0;
		if (made->size)
			memcpy(moved, made->data, made->size);
		made->data = moved;
		made->capacity = capacity;
	}
	if (size)
		memcpy(made->data + made->size, data, size);
	made->size += size;
	return 1;
}

/* The replacement, with $0 to $9 for the groups and $$ for a dollar sign. */
static int expand(struct growing *made, struct weir_slice replacement, struct weir_slice text,
		  const size_t *places)
{
	for (size_t i = 0; i < replacement.size; i++) {
		const char *from = replacement.data + i;
		size_t size = 1;

		if (*from == '$' && i + 1 < replacement.size && from[1] == '$') {
			i++;
		} else if (*from == '$' && i + 1 < replacement.size && from[1] >= '0' &&
			   from[1] <= '9') {
			const size_t *group = places + (size_t)2 * (size_t)(from[1] - '0');

			i++;
			if (group[0] == SIZE_MAX || group[0] > group[1])
				continue;
			from = text.data + group[0];
			size = group[1] - group[0];
		}
		if (!grow(made, from, size))
			return 0;
	}
	return 1;
}

static size_t step_after(const struct regex *regex, struct weir_slice text, size_t at)
{
	int valid;

	if (!regex_is_utf8(regex))
		return 1;
	return utf8_step((const uint8_t *)text.data + at, text.size - at, &valid);
}

static int replace_all(struct growing *made, const struct regex *regex, struct weir_slice text,
		       struct weir_slice replacement)
{
	size_t places[2 * REGEX_GROUPS_MAX];
	size_t done = 0, at = 0;

	while (at <= text.size && regex_find(regex, text, at, places)) {
		if (places[0] > places[1] || places[0] < done)
			break; /* \K in a lookahead can turn a match around */
		if (!grow(made, text.data + done, places[0] - done) ||
		    !expand(made, replacement, text, places))
			return 0;
		done = at = places[1];
		if (places[0] == places[1]) {
			size_t step = at < text.size ? step_after(regex, text, at) : 1;

			at += step; /* past an empty match */
		}
	}
	return grow(made, text.data + done, text.size - done);
}

struct value call_replace(const struct evaluation *run, const struct node *node)
{
	struct growing made = {.scratch = &run->expr->work};
	struct weir_slice text, replacement;

	if (!text_argument(run, node, 0, &text) || !text_argument(run, node, 2, &replacement) ||
	    !replace_all(&made, node->regex, text, replacement))
		return value_of_tag(WEIR_NULL);
	return value_string((struct weir_slice){made.data, made.size});
}
