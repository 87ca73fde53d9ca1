// SPDX-License-Identifier: MIT
/* The DOM parser rather than the on-demand one: what is not asked for is checked too, so a cut or
 * garbled answer never passes. */
#include "support/bulk/bulk_answer.h"

#include <cstdlib>
#include <new>
#include <simdjson.h>

namespace dom = simdjson::dom;

struct bulk_answer {
	dom::parser parser;
	struct bulk_item *items;
	uint32_t capacity;
};

struct bulk_answer *bulk_answer_create(void)
{
	auto *answer = new (std::nothrow) bulk_answer;

	if (answer) {
		answer->items = nullptr;
		answer->capacity = 0;
	}
	return answer;
}

void bulk_answer_destroy(struct bulk_answer *answer)
{
	if (!answer)
		return;
	free(answer->items);
	delete answer;
}

static bool room_for(struct bulk_answer *answer, uint32_t count)
{
	if (count <= answer->capacity)
		return true;
	auto *items = static_cast<bulk_item *>(realloc(answer->items, count * sizeof(bulk_item)));

	if (!items)
		return false;
	answer->items = items;
	answer->capacity = count;
	return true;
}

static struct weir_slice text_of(const dom::element &element)
{
	std::string_view text;

	if (element.get_string().get(text))
		return {nullptr, 0};
	return {text.data(), text.size()};
}

static void read_cause(const dom::element &element, struct bulk_item *item)
{
	dom::object cause;

	if (element.get_object().get(cause))
		return;
	for (auto member : cause)
		if (member.key == "reason")
			item->cause = text_of(member.value);
}

/* An object, or in very old servers a sentence. */
static void read_error(const dom::element &element, struct bulk_item *item)
{
	dom::object error;

	if (element.get_object().get(error)) {
		item->reason = text_of(element);
		return;
	}
	for (auto member : error) {
		if (member.key == "type")
			item->type = text_of(member.value);
		else if (member.key == "reason")
			item->reason = text_of(member.value);
		else if (member.key == "caused_by")
			read_cause(member.value, item);
	}
}

static bool read_result(const dom::element &element, struct bulk_item *item)
{
	dom::object result;
	int64_t status = 0;

	if (element.get_object().get(result))
		return false;
	for (auto member : result) {
		if (member.key == "status" && member.value.get_int64().get(status))
			return false;
		if (member.key == "_id")
			item->id = text_of(member.value);
		else if (member.key == "error")
			read_error(member.value, item);
	}
	item->status = static_cast<uint32_t>(status);
	return status >= 100 && status < 600;
}

/* {"create":{...}} and nothing beside it. */
static bool read_item(const dom::element &element, const char *action, struct bulk_item *item)
{
	dom::object outer;

	*item = bulk_item();
	if (element.get_object().get(outer) || outer.size() != 1)
		return false;
	for (auto member : outer)
		return member.key == action && read_result(member.value, item);
	return false;
}

const char *bulk_answer_read(struct bulk_answer *answer, struct weir_slice text, const char *action,
			     uint32_t expected, const struct bulk_item **ret_items)
{
	dom::element root;
	dom::array items;
	uint32_t count = 0;

	if (!room_for(answer, expected))
		return "no memory for it";
	if (text.size == 0)
		return "it is empty";
	if (answer->parser.parse(text.data, text.size).get(root))
		return "it is not JSON, or cut off";
	if (root["items"].get_array().get(items))
		return "it has no list of items";
	for (auto item : items) {
		if (count == expected)
			return "it has more items than records were sent";
		if (!read_item(item, action, &answer->items[count++]))
			return "an item is not one of the bulk API's";
	}
	if (count < expected)
		return "it has fewer items than records were sent";
	*ret_items = answer->items;
	return nullptr;
}
