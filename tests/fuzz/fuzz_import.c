// SPDX-License-Identifier: MIT
/*
 * Any bytes as another agent's configuration; the first says of which. What must hold besides not
 * crashing: whatever is accepted becomes YAML that reads back, with inputs and outputs, and text of the
 * file stays text: no variable, no further key comes of it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "import/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(const struct tree_node *list)
{
	if (!list || list->kind != TREE_LIST || list->count == 0)
		abort();
	for (uint32_t i = 0; i < list->count; i++)
		if (list->items[i]->kind == TREE_LIST ||
		    (list->items[i]->kind == TREE_MAP && list->items[i]->count != 1))
			abort();
}

static void check_pipeline(struct import *import, const struct import_pipeline *pipeline)
{
	struct buffer text = {0};
	struct config_file file;
	struct tree_node *root = NULL;

	import_print(import, pipeline, &text);
	config_file_of(&file, import->config, "new.yaml",
		       (struct weir_slice){text.data, text.size});
	if (text.size <= CONFIG_FILE_MAX) {
		if (tree_read(&file, &root) < 0 || !root || root->kind != TREE_MAP || file.errors) {
			fprintf(stderr, "%s\n%s\n", buffer_cstr(&text),
				import->config->problem_count ? import->config->problems[0].text
							      : "no map");
			abort();
		}
		check_list(import_find(root, "inputs"));
		check_list(import_find(root, "outputs"));
		if (root->count != 2 + (import_find(root, "filters") != NULL))
			abort();
	}
	config_file_done(&file);
	buffer_done(&text);
}

static void free_buffers(struct import *import)
{
	for (struct import_pipeline *p = import->pipelines; p; p = p->next) {
		buffer_done(&p->inputs);
		buffer_done(&p->filters);
		buffer_done(&p->outputs);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weir_error error = {0};
	struct config *config = NULL;
	struct import import = {.program = "another", .path = "/nowhere/x"};
	struct weir_slice text = {(const char *)data + 1, size - 1};
	int status;

	if (size == 0)
		return 0;
	if (config_load("/dev/null", &config, &error) || config->problem_count)
		abort();
	import.config = config;
	import.memory = config->memory;
	import.pipelines_end = &import.pipelines;
	import.notes_end = &import.notes;
	status = data[0] == 'k' ? import_kinesis_text(&import, text)
				: import_fluent_text(&import, text, data[0] == 'y');
	for (struct import_pipeline *p = import.pipelines; status == 0 && p; p = p->next)
		check_pipeline(&import, p);
	free_buffers(&import);
	config_free(config);
	return 0;
}
