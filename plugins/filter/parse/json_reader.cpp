// SPDX-License-Identifier: MIT
#include "json_reader.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <simdjson.h>
#include <utility>

#include "json_text.h"

extern "C" {
#include "number.h"
}

namespace od = simdjson::ondemand;

/* The first line must not make the parser grow by single bytes. */
static constexpr size_t capacity_min = 4096;
static constexpr uint32_t members_min = 64;

struct json_reader {
	od::parser parser;
	struct json_member *members;
	uint32_t capacity;
};

struct json_reader *json_reader_create(void)
{
	auto *reader = new (std::nothrow) json_reader;

	if (!reader)
		return nullptr;
	reader->capacity = members_min;
	reader->members = static_cast<json_member *>(calloc(members_min, sizeof(json_member)));
	if (reader->members && !reader->parser.allocate(capacity_min))
		return reader;
	json_reader_destroy(reader);
	return nullptr;
}

void json_reader_destroy(struct json_reader *reader)
{
	if (!reader)
		return;
	free(reader->members);
	delete reader;
}

static std::string_view trimmed(std::string_view token)
{
	while (!token.empty() && (token.back() == ' ' || token.back() == '\t' ||
				  token.back() == '\n' || token.back() == '\r'))
		token.remove_suffix(1);
	return token;
}

/* Tag of a scalar's token; WEIR_ABSENT when it is none. Escapes are not looked at. */
static inline uint8_t scalar_tag(std::string_view token)
{
	uint8_t tag;

	switch (token.empty() ? '\0' : token.front()) {
	case '"':
		return token.size() > 1 && token.back() == '"' ? WEIR_STRING : WEIR_ABSENT;
	case 't':
		return token == "true" ? WEIR_BOOL : WEIR_ABSENT;
	case 'f':
		return token == "false" ? WEIR_BOOL : WEIR_ABSENT;
	case 'n':
		return token == "null" ? WEIR_NULL : WEIR_ABSENT;
	default:
		tag = number_tag(token.data(), static_cast<uint32_t>(token.size()));
		return tag == WEIR_STRING ? WEIR_ABSENT : tag;
	}
}

/* The token of a scalar, without white space. A string is consumed as one: left to be skipped, one
 * with a colon after it would be taken for a key, and what follows would go unchecked. */
static inline std::string_view take_token(od::value &value)
{
	std::string_view token = trimmed(value.raw_json_token());

	if (!token.empty() && token.front() == '"' && value.get_raw_json_string().error())
		return {};
	return token;
}

/* What a result without an error holds, in place: a copy costs more than what is done with it. */
template <typename held> static inline held &taken(simdjson::simdjson_result<held> &result)
{
	held &&inside = std::move(result).value_unsafe();

	return inside;
}

/* On demand means that what is not asked for is not checked: so every nested value is asked for.
 * The parser's own bound on depth (1,024) bounds the recursion. */
static bool nested_valid(od::value &value);

static bool list_valid(od::array list)
{
	for (auto item : list) {
		od::value value;

		if (item.get(value) || !nested_valid(value))
			return false;
	}
	return true;
}

static bool map_valid(od::object &map)
{
	for (auto item : map)
		if (item.error() || !nested_valid(taken(item).value()))
			return false;
	return true;
}

static bool nested_valid(od::value &value)
{
	od::json_type type;
	od::array list;
	od::object map;

	if (value.type().get(type))
		return false;
	if (type == od::json_type::array)
		return !value.get_array().get(list) && list_valid(list);
	if (type == od::json_type::object)
		return !value.get_object().get(map) && map_valid(map);
	return scalar_tag(take_token(value)) != WEIR_ABSENT;
}

/* Where the document's iterator is: after a value, at what follows it. */
static const char *location(od::document &document)
{
	const char *at;

	return document.current_location().get(at) ? nullptr : at;
}

/* Goes through a map or list from its bracket to the token after it, which an object always has. */
static bool take_nested(od::document &document, od::value &value, bool has_escapes,
			struct json_member *member)
{
	const char *from = value.raw_json_token().data(), *to;

	if (!nested_valid(value))
		return false;
	to = location(document);
	if (!to)
		return false;
	const std::string_view text = trimmed({from, static_cast<size_t>(to - from)});

	member->text = text.data();
	member->size = static_cast<uint32_t>(text.size());
	return !has_escapes || json_escapes_valid(member->text, member->size);
}

static inline bool take_scalar(od::value &value, struct json_member *member, bool has_escapes)
{
	std::string_view token = take_token(value);

	member->tag = scalar_tag(token);
	if (member->tag == WEIR_ABSENT)
		return false;
	member->truth = token.front() == 't';
	member->escaped = 0;
	if (member->tag == WEIR_STRING) {
		token.remove_prefix(1);
		token.remove_suffix(1);
		member->escaped = has_escapes && memchr(token.data(), '\\', token.size());
	}
	member->text = token.data();
	member->size = static_cast<uint32_t>(token.size());
	return !member->escaped || json_escapes_valid(member->text, member->size);
}

static inline bool take_value(od::document &document, od::value &value, bool has_escapes,
			      struct json_member *member)
{
	od::json_type type;

	if (value.type().get(type))
		return false;
	if (type != od::json_type::array && type != od::json_type::object)
		return take_scalar(value, member, has_escapes);
	member->tag = type == od::json_type::array ? WEIR_LIST : WEIR_MAP;
	return take_nested(document, value, has_escapes, member);
}

/* key.data points after the opening quote; finds the closing one, which the parser has seen. */
static bool take_key(const char *from, const char *end, struct json_member *member)
{
	const char *at = from;

	member->key_escaped = 0;
	for (; at < end && *at != '"'; at++)
		if (*at == '\\') {
			member->key_escaped = 1;
			at++;
		}
	if (at >= end)
		return false;
	member->key.data = from;
	member->key.size = static_cast<uint64_t>(at - from);
	return !member->key_escaped ||
	       json_escapes_valid(from, static_cast<uint32_t>(member->key.size));
}

static inline uint64_t load8(const char *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	return word;
}

/* memcmp() for keys, which are short: without a call. */
static inline bool same_bytes(const char *a, const char *b, uint64_t size)
{
	if (size < 8) {
		for (uint64_t i = 0; i < size; i++)
			if (a[i] != b[i])
				return false;
		return true;
	}
	for (uint64_t i = 0; i + 8 < size; i += 8)
		if (load8(a + i) != load8(b + i))
			return false;
	return load8(a + size - 8) == load8(b + size - 8);
}

/* True when the key is the hinted one, and has no escapes. */
static inline bool is_hinted(const char *from, const char *end, const struct json_hint *hint,
			     uint32_t index, bool has_escapes, struct json_member *member)
{
	if (index >= hint->count)
		return false;
	const struct weir_slice name = hint->keys[index]->name;

	if (name.size >= static_cast<uint64_t>(end - from) || from[name.size] != '"' ||
	    !same_bytes(from, name.data, name.size))
		return false;
	/* A name with a backslash in it must not be taken for an escape that looks the same. */
	if (has_escapes && name.size && memchr(name.data, '\\', name.size))
		return false;
	member->key.data = from;
	member->key.size = name.size;
	member->key_escaped = 0;
	return true;
}

static bool members_grow(struct json_reader *reader, uint32_t count)
{
	if (count < reader->capacity)
		return true;
	auto *grown = static_cast<json_member *>(
		realloc(reader->members, 2 * size_t(reader->capacity) * sizeof(json_member)));

	if (!grown)
		return false;
	reader->members = grown;
	reader->capacity *= 2;
	return true;
}

static const char *read_members(struct json_reader *reader, od::document &document,
				od::object object, const char *end, struct json_hint *hint,
				bool has_escapes, uint32_t *ret_count)
{
	uint32_t count = 0;

	for (auto item : object) {
		if (item.error())
			return "not valid JSON";
		if (!members_grow(reader, count))
			return "no memory for the fields";
		od::field &field = taken(item);
		struct json_member *member = &reader->members[count];
		const char *key = field.key().raw();

		if (is_hinted(key, end, hint, count, has_escapes, member))
			hint->matched += hint->matched == count;
		else if (!take_key(key, end, member))
			return "not valid JSON";
		if (!take_value(document, field.value(), has_escapes, member))
			return "not valid JSON";
		count++;
	}
	*ret_count = count;
	return nullptr;
}

static const char *why_not(simdjson::error_code code)
{
	switch (code) {
	case simdjson::UTF8_ERROR:
		return "not valid UTF-8";
	case simdjson::EMPTY:
		return "empty line";
	case simdjson::INCORRECT_TYPE:
		return "not a JSON object";
	case simdjson::MEMALLOC:
		return "no memory for the line";
	default:
		return "not valid JSON";
	}
}

const char *json_reader_object(struct json_reader *reader, const char *text, uint32_t size,
			       struct json_hint *hint, const struct json_member **ret_members,
			       uint32_t *ret_count)
{
	od::document document;
	od::object object;
	const char *wrong;
	bool has_escapes = size && memchr(text, '\\', size);

	hint->matched = 0;
	if (reader->parser.capacity() < size && reader->parser.allocate(2 * size_t(size)))
		return "no memory for the line";
	auto error =
		reader->parser.iterate(text, size, size_t(size) + WEIR_BLOCK_PADDING).get(document);
	if (!error)
		error = document.get_object().get(object);
	if (error)
		return why_not(error);
	wrong = read_members(reader, document, object, text + size, hint, has_escapes, ret_count);
	if (!wrong && document.current_location().error() != simdjson::OUT_OF_BOUNDS)
		wrong = "text after the JSON object";
	*ret_members = reader->members;
	return wrong;
}
