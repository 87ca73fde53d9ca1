// SPDX-License-Identifier: MIT
// The filter classify: adds a field that says which of some texts the line has.
//
//     c++ -O2 -shared -fPIC $(pkg-config --cflags weir) -o filter-classify.so classify.cpp
//
//     filters:
//       - classify: { login: "Accepted publickey", failure: "Failed password" }
//
// The first rule whose text the line has gives its name; a line that has none stays as it is. No
// exception leaves a function that the host calls.
#include <cstring>
#include <map>
#include <new>
#include <string>
#include <utility>
#include <vector>
#include <weir/plugin.h>

namespace
{

class Classify
{
      public:
	Classify(const weir_services *host, const weir_node *options)
	    : host_(host), field_(weir_node_text(options, "field"))
	{
		const weir_node *rules = weir_node_find(options, "rules");

		for (uint32_t i = 0; i < rules->count; i++)
			rules_.emplace_back(text_of(rules->keys[i]),
					    text_of(rules->items[i]->text));
	}

	int32_t process(weir_batch *batch)
	{
		std::vector<const std::string *> names(batch->record_count);
		uint32_t values = 0, bytes = 0;

		// What all records need is reserved at once.
		for (uint32_t i = 0; i < batch->record_count; i++) {
			names[i] = name_of(batch, batch->records[i]);
			if (!names[i])
				continue;
			values += batch->shapes[batch->records[i].shape]->count + 1;
			bytes += static_cast<uint32_t>(names[i]->size());
		}
		widened_.clear();
		int32_t failed = host_->batch_reserve(batch, 0, values, bytes);
		for (uint32_t i = 0; !failed && i < batch->record_count; i++)
			if (names[i])
				failed = add(batch, batch->records[i], *names[i]);
		return failed;
	}

	// For `weir check`: what a later stage may read.
	void fields(weir_fields *fields) const
	{
		fields->add(fields, {field_.data(), field_.size()});
	}

      private:
	static std::string text_of(weir_slice slice)
	{
		return std::string(slice.data, slice.size);
	}

	const std::string *name_of(const weir_batch *batch, const weir_record &record) const
	{
		const weir_slice line = weir_record_line(batch, &record);

		if (record.flags & WEIR_RECORD_GONE)
			return nullptr;
		for (const auto &rule : rules_)
			if (memmem(line.data, line.size, rule.second.data(), rule.second.size()))
				return &rule.first;
		return nullptr;
	}

	// The batch's shape with our field after those of `shape`; found once per batch. The slot is
	// that of the field where the shape has it already.
	int32_t widen(weir_batch *batch, uint16_t shape, std::pair<uint16_t, int32_t> *ret)
	{
		const weir_slice field = {field_.data(), field_.size()};
		auto known = widened_.find(shape);

		if (known == widened_.end()) {
			const weir_shape *old = batch->shapes[shape];
			int32_t slot = weir_shape_find(old, field);
			std::vector<weir_slice> keys;

			for (uint32_t i = 0; i < old->count; i++)
				keys.push_back(old->keys[i]->name);
			if (slot < 0) {
				slot = static_cast<int32_t>(keys.size());
				keys.push_back(field);
			}
			uint16_t index;
			int32_t failed = host_->batch_shape(
				batch, keys.data(), static_cast<uint32_t>(keys.size()), &index);
			if (failed)
				return failed;
			known = widened_.emplace(shape, std::make_pair(index, slot)).first;
		}
		*ret = known->second;
		return WEIR_OK;
	}

	int32_t add(weir_batch *batch, weir_record &record, const std::string &name)
	{
		const uint32_t count = batch->shapes[record.shape]->count;
		std::pair<uint16_t, int32_t> widened;
		uint32_t index = 0;
		weir_value text;
		int32_t failed = widen(batch, record.shape, &widened);

		if (failed)
			return failed;
		weir_value *row = weir_batch_row(batch, count + 1, &index);
		char *copy = weir_batch_text(batch, static_cast<uint32_t>(name.size()), &text);
		if (!row || !copy)
			return WEIR_ERR_MEMORY;
		std::memcpy(row, weir_record_row(batch, &record), count * sizeof(*row));
		name.copy(copy, name.size());
		row[widened.second] = text;
		record.row = index;
		record.shape = widened.first;
		record.capacity = static_cast<uint16_t>(count + 1);
		return WEIR_OK;
	}

	const weir_services *host_;
	std::string field_;
	std::vector<std::pair<std::string, std::string>> rules_;   // name, text
	std::map<uint16_t, std::pair<uint16_t, int32_t>> widened_; // of this batch
};

int32_t create(const weir_services *host, weir_context *, const weir_node *options,
	       void **ret_instance, weir_error *error)
{
	try {
		*ret_instance = new Classify(host, options);
	} catch (const std::bad_alloc &) {
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the filter");
	}
	return WEIR_OK;
}

void destroy(void *instance)
{
	delete static_cast<Classify *>(instance);
}

int32_t process(void *instance, weir_batch *batch, weir_error *error)
{
	int32_t failed = WEIR_ERR_MEMORY;

	try {
		failed = static_cast<Classify *>(instance)->process(batch);
	} catch (const std::bad_alloc &) {
	}
	return failed ? weir_fail(error, failed, "no room for another field") : WEIR_OK;
}

void fields(void *instance, weir_fields *fields)
{
	static_cast<const Classify *>(instance)->fields(fields);
}

const weir_option options[] = {{sizeof(weir_option), WEIR_TYPE_MAP, WEIR_TYPE_STRING,
				WEIR_OPTION_REQUIRED, "rules", nullptr,
				"Texts to look for in the line, by the names that they give",
				nullptr, 0, 0, nullptr},
			       WEIR_OPTION("field", WEIR_TYPE_STRING, "class", "Field to add"),
			       WEIR_OPTION_END};

// Constants, by position as older C++ wants it: `weir plugins inspect` reads them from the file.
const weir_filter_ops operations = {sizeof(weir_filter_ops),
				    0,
				    create,
				    nullptr,
				    nullptr,
				    destroy,
				    process,
				    nullptr,
				    nullptr,
				    fields};

const weir_plugin plugin = {sizeof(weir_plugin),
			    WEIR_FILTER,
			    0,
			    0,
			    "classify",
			    "1.0",
			    "Adds a field that says which of some texts the line has",
			    options,
			    nullptr,
			    &operations,
			    nullptr,
			    nullptr,
			    nullptr,
			    "rules"};
const weir_plugin *const all[] = {&plugin};

} // namespace

WEIR_PLUGINS(all);
