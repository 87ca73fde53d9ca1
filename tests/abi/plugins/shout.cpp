// SPDX-License-Identifier: MIT
// A filter in C++: adds the field `shouted`, the line in capitals. No exception leaves it.
#include <cctype>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>
#include <weir/plugin.h>

namespace
{

class Shout
{
      public:
	Shout(const weir_services *host, const std::string &field) : host_(host), field_(field)
	{
	}

	int32_t process(weir_batch *batch, weir_error *error)
	{
		shapes_.clear();
		for (uint32_t i = 0; i < batch->record_count; i++)
			if (!(batch->records[i].flags & WEIR_RECORD_GONE)) {
				int32_t failed = shout(batch, i);

				if (failed)
					return weir_fail(error, failed, "no room to shout");
			}
		return WEIR_OK;
	}

#if WEIR_ABI_MINOR >= 2
	void fields(weir_fields *fields) const
	{
		fields->add(fields, weir_slice{field_.data(), field_.size()});
	}
#endif

      private:
	// The index of the record's shape with our field at its end. Shapes have ids within a batch.
	int32_t widened(weir_batch *batch, uint16_t shape, uint16_t *ret_shape)
	{
		auto known = shapes_.find(shape);

		if (known == shapes_.end()) {
			const weir_shape *old = batch->shapes[shape];
			std::vector<weir_slice> keys;
			uint16_t index;

			for (uint32_t i = 0; i < old->count; i++)
				keys.push_back(old->keys[i]->name);
			keys.push_back(weir_slice{field_.data(), field_.size()});
			int32_t failed = host_->batch_shape(
				batch, keys.data(), static_cast<uint32_t>(keys.size()), &index);
			if (failed)
				return failed;
			known = shapes_.emplace(shape, index).first;
		}
		*ret_shape = known->second;
		return WEIR_OK;
	}

	int32_t shout(weir_batch *batch, uint32_t index)
	{
		const uint32_t count = batch->shapes[batch->records[index].shape]->count;
		const weir_slice line = weir_record_line(batch, &batch->records[index]);
		std::string loud(line.data, line.size);
		uint16_t shape;
		uint32_t row_index = 0;
		weir_value text;

		for (char &letter : loud)
			letter =
				static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
		int32_t failed = widened(batch, batch->records[index].shape, &shape);
		if (!failed)
			failed = host_->batch_reserve(batch, 0, count + 1,
						      static_cast<uint32_t>(loud.size()));
		if (failed)
			return failed;
		weir_record *record = &batch->records[index]; // reserving may have moved it
		weir_value *row = weir_batch_row(batch, count + 1, &row_index);
		char *text_data = weir_batch_text(batch, static_cast<uint32_t>(loud.size()), &text);
		if (!row || !text_data)
			return WEIR_ERR_MEMORY;
		for (uint32_t i = 0; i < count; i++)
			row[i] = batch->values[record->row + i];
		loud.copy(text_data, loud.size());
		row[count] = text;
		record->row = row_index;
		record->shape = shape;
		record->capacity = static_cast<uint16_t>(count + 1);
		return WEIR_OK;
	}

	const weir_services *host_;
	std::string field_;
	std::map<uint16_t, uint16_t> shapes_;
};

int32_t shout_create(const weir_services *host, weir_context *, const weir_node *options,
		     void **ret_instance, weir_error *error)
{
	try {
		*ret_instance = new Shout(host, weir_node_text(options, "field"));
	} catch (const std::bad_alloc &) {
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory to shout");
	}
	return WEIR_OK;
}

void shout_destroy(void *instance)
{
	delete static_cast<Shout *>(instance);
}

int32_t shout_process(void *instance, weir_batch *batch, weir_error *error)
{
	try {
		return static_cast<Shout *>(instance)->process(batch, error);
	} catch (const std::bad_alloc &) {
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory to shout");
	}
}

#if WEIR_ABI_MINOR >= 2
void shout_fields(void *instance, weir_fields *fields)
{
	static_cast<const Shout *>(instance)->fields(fields);
}
#endif

const weir_option options[] = {WEIR_OPTION("field", WEIR_TYPE_STRING, "shouted", "Field to add"),
			       WEIR_OPTION_END};

const weir_filter_ops operations = {sizeof(weir_filter_ops),
				    0,
				    shout_create,
				    nullptr,
				    nullptr,
				    shout_destroy,
				    shout_process,
				    nullptr,
				    nullptr,
#if WEIR_ABI_MINOR >= 2
				    shout_fields
#endif
};

const weir_plugin plugin = {sizeof(weir_plugin),
			    WEIR_FILTER,
			    0,
			    0,
			    "shout",
			    "1",
			    "Adds the line in capitals",
			    options,
			    nullptr,
			    &operations,
			    nullptr,
			    nullptr,
			    nullptr,
			    nullptr};

const weir_plugin *const all[] = {&plugin};

} // namespace

WEIR_PLUGINS(all);
