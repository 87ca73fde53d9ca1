// SPDX-License-Identifier: MIT
/*
 * The settings are declared as a plugin's options are and checked by the same code; what only the
 * service needs (an address, a path beside the file, a number of cores) is done here.
 */
#include "config/service.h"

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "config/interpolation.h"
#include "config/option_check.h"
#include "config/scalar.h"

#define WORKERS_DEFAULT_MAX 4 /* more cores than that are for whom the agent serves */
#define WORKERS_MAX 64
/* Of the token of the admin address; so that it goes into a header and a cookie as it is. */
#define TOKEN_MIN 16
#define TOKEN_MAX 128
#define TOKEN_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
#define MEMORY_LIMIT_MIN (INT64_C(4) << 20) /* a few blocks and requests in flight */
#define DEAD_LETTER_MIN (INT64_C(1) << 20)
/* A plugin's libraries may have to be read from a slow disk; the built-in ones take some 20 ms. */
#define LOAD_TIMEOUT_MIN INT64_C(1000000000)
#define ISOLATE_TIMEOUT_MIN INT64_C(100000000) /* 100 ms: a large batch takes as long */
#define INSTALLED_PLUGINS "default" /* in plugin_dirs: the folder of the agent's own plugins */

static const struct weir_option log_options[] = {
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "level",
	 .default_text = "info",
	 .values = "error|warning|info|debug",
	 .doc = "Least severe lines to write"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "format",
	 .default_text = "text",
	 .values = "text|json",
	 .doc = "Form of a line"},
	WEIR_OPTION_END,
};

const struct weir_option service_options[] = {
	WEIR_OPTION("state_dir", WEIR_TYPE_STRING, "/var/lib/weir",
		    "Folder for positions and dead letters"),
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_SIZE,
	 .name = "memory_limit",
	 .default_text = "64MiB",
	 .min = MEMORY_LIMIT_MIN,
	 .max = INT64_MAX,
	 .doc = "Bound on records, request bodies and encoded copies in memory"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_INT,
	 .name = "workers",
	 .min = 1,
	 .max = WORKERS_MAX,
	 .doc = "Threads that read and filter; the default is the number of cores, at most 4"},
	WEIR_OPTION("admin", WEIR_TYPE_STRING, "127.0.0.1:9712",
		    "Address of status page, health and metrics, or off; without a token one of "
		    "loopback"),
	WEIR_OPTION("admin_token", WEIR_TYPE_SECRET, NULL,
		    "What every request to the admin address has to bring, 16 letters at least"),
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_MAP,
	 .name = "log",
	 .default_text = "{}",
	 .members = log_options,
	 .doc = "The agent's own log"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_LIST,
	 .element = WEIR_TYPE_STRING,
	 .name = "plugin_dirs",
	 .doc = "Folders with plugins; the word default stands for weir/plugins in the "
		"installation's library folder"},
	WEIR_OPTION("conf_dir", WEIR_TYPE_STRING, NULL,
		    "Folder with a file per pipeline; the default is conf.d beside weir.yaml"),
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_DURATION,
	 .name = "shutdown_timeout",
	 .default_text = "10s",
	 .min = 0,
	 .max = INT64_C(3600000000000),
	 .doc = "How long a stop waits for destinations to answer"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_DURATION,
	 .name = "drain_timeout",
	 .default_text = "10s",
	 .min = 0,
	 .max = INT64_C(3600000000000),
	 .doc = "How long a reload waits for destinations to answer, before it sends again what "
		"they "
		"owe"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_DURATION,
	 .name = "isolate_timeout",
	 .default_text = "10s",
	 .min = ISOLATE_TIMEOUT_MIN,
	 .max = INT64_C(3600000000000),
	 .doc = "How long a call into an isolated plugin may take before its process is "
		"replaced"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_DURATION,
	 .name = "load_timeout",
	 .default_text = "30s",
	 .min = LOAD_TIMEOUT_MIN,
	 .max = INT64_C(3600000000000),
	 .doc = "How long loading a plugin, or making an instance of it, may take before it is "
		"refused"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "sandbox",
	 .default_text = "auto",
	 .values = "auto|off",
	 .doc = "Whether the agent gives up rights that shipping logs does not take"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_STRING,
	 .name = "on_corrupt_state",
	 .default_text = "stop",
	 .values = "stop|beginning|end",
	 .doc = "What pipelines do when the state database is damaged, unless they say so "
		"themselves"},
	{.struct_size = sizeof(struct weir_option),
	 .type = WEIR_TYPE_SIZE,
	 .name = "dead_letter_max",
	 .default_text = "1GiB",
	 .min = DEAD_LETTER_MIN,
	 .max = INT64_MAX,
	 .doc = "Bound of the default dead letter file of a pipeline"},
	WEIR_OPTION_END,
};

/* ---- defaults that no text can give ---------------------------------------------------------- */

static uint32_t cores(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return count < 1 ? 1 : count > WORKERS_DEFAULT_MAX ? WORKERS_DEFAULT_MAX : (uint32_t)count;
}

/* PREFIX/bin/weir has its plugins in PREFIX/LIBDIR/weir/plugins, in the build tree too. */
static char *installed_plugins(struct config_memory *memory)
{
	char exe[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (WEIR_LIBDIR[0] == '/' || size < 0)
		return config_print(memory, "%s/weir/plugins", WEIR_LIBDIR);
	exe[size] = '\0';
	for (int i = 0; i < 2; i++) {
		slash = strrchr(exe, '/');
		if (slash)
			*slash = '\0';
	}
	return config_print(memory, "%s/" WEIR_LIBDIR "/weir/plugins", exe);
}

/* ---- single settings ------------------------------------------------------------------------- */

static int is_loopback(const char *host)
{
	return strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
	       strcmp(host, "::1") == 0;
}

/* HOST:PORT or [HOST]:PORT. Cuts the text in place. */
static int split_address(char *text, char **ret_host, uint16_t *ret_port)
{
	char *colon = strrchr(text, ':');
	int64_t port;

	if (!colon || colon == text || scalar_read_int(weir_slice_of(colon + 1), &port) ||
	    port < 0 || port > UINT16_MAX) /* 0 = any free one; the log names it */
		return WEIR_ERR_INVALID;
	*colon = '\0';
	if (text[0] == '[') {
		if (colon[-1] != ']')
			return WEIR_ERR_INVALID;
		colon[-1] = '\0';
		text++;
	} else if (strchr(text, ':')) {
		return WEIR_ERR_INVALID;
	}
	*ret_host = text;
	*ret_port = (uint16_t)port;
	return 0;
}

static void read_token(struct config_file *file, const struct weir_node *node)
{
	if (!node)
		return;
	if (node->text.size < TOKEN_MIN || node->text.size > TOKEN_MAX ||
	    strspn(node->text.data, TOKEN_LETTERS) != node->text.size)
		config_file_error(file, node->line, node->column,
				  "\"admin_token\" must be %d to %d letters, digits, . _ or -; "
				  "openssl rand -hex 16 makes one",
				  TOKEN_MIN, TOKEN_MAX);
	else
		file->config->admin_token =
			config_copy(file->config->memory, node->text.data, node->text.size);
}

static void read_admin(struct config_file *file, const struct weir_node *node)
{
	struct config *config = file->config;
	char *text, *host;
	uint16_t port;

	if (!node || weir_slice_equals(node->text, "off"))
		return;
	text = config_copy(config->memory, node->text.data, node->text.size);
	if (!text)
		return;
	if (split_address(text, &host, &port)) {
		config_file_error(
			file, node->line, node->column,
			"\"admin\" wants an address and a port such as 127.0.0.1:9712, or "
			"off; found \"%.64s\"",
			node->text.data);
	} else if (!is_loopback(host) && !config->admin_token) {
		config_file_error(
			file, node->line, node->column,
			"\"admin\" must be a loopback address such as 127.0.0.1:9712, because "
			"it asks nobody for a password without \"admin_token\"; found "
			"\"%.64s\"",
			node->text.data);
	} else {
		config->admin_host = host;
		config->admin_port = port;
	}
}

static char *path_of(struct config_file *file, const struct weir_node *options, const char *name)
{
	const struct weir_node *node = weir_node_find(options, name);

	if (!node)
		return NULL;
	if (node->text.size == 0) {
		config_file_error(file, node->line, node->column,
				  "\"%s\" is empty; give it a path, or leave it out", name);
		return NULL;
	}
	return config_path_beside(file->config->memory, file->path, node->text.data);
}

static void read_plugin_dirs(struct config_file *file, const struct weir_node *list)
{
	struct config *config = file->config;
	uint32_t count = list ? list->count : 1;

	config->plugin_dirs = config_alloc(config->memory, (count + 1) * sizeof(char *));
	for (uint32_t i = 0; config->plugin_dirs && i < count; i++) {
		const char *path = list ? list->items[i]->text.data : INSTALLED_PLUGINS;

		config->plugin_dirs[config->plugin_dir_count++] =
			strcmp(path, INSTALLED_PLUGINS) == 0
				? installed_plugins(config->memory)
				: config_path_beside(config->memory, file->path, path);
	}
}

/* A missing default folder is an agent without pipelines; a missing one that was asked for is not. */
static void read_conf_dir(struct config_file *file, const struct weir_node *options)
{
	const struct weir_node *node = weir_node_find(options, "conf_dir");
	struct config *config = file->config;
	struct stat status;

	config->conf_dir = node ? path_of(file, options, "conf_dir")
				: config_path_beside(config->memory, file->path, "conf.d");
	if (!node || !config->conf_dir)
		return;
	if (stat(config->conf_dir, &status))
		config_file_error(
			file, node->line, node->column,
			"the folder %s cannot be read: %s; make it, or correct \"conf_dir\"",
			config->conf_dir, strerror(errno));
	else if (!S_ISDIR(status.st_mode))
		config_file_error(file, node->line, node->column,
				  "%s is no folder; give \"conf_dir\" the folder of the pipelines",
				  config->conf_dir);
}

/* The place of a member's text in a list of words; the check has let only these through. */
static uint32_t word_of(const struct weir_node *map, const char *name, const char *const *words)
{
	const char *text = weir_node_text(map, name);
	uint32_t at = 0;

	while (text && words[at] && strcmp(words[at], text) != 0)
		at++;
	return text && words[at] ? at : 0;
}

static void read_log(struct config *config, const struct weir_node *log)
{
	static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
	static const char *const formats[] = {"text", "json", NULL};
	static const uint32_t level_codes[] = {WEIR_LOG_ERROR, WEIR_LOG_WARNING, WEIR_LOG_INFO,
					       WEIR_LOG_DEBUG};

	config->log_level = weir_node_find(log, "level")
				    ? level_codes[word_of(log, "level", levels)]
				    : WEIR_LOG_INFO;
	config->log_format = word_of(log, "format", formats) ? LOG_JSON : LOG_TEXT;
}

static void read_settings(struct config_file *file, const struct weir_node *options)
{
	static const char *const sandbox[] = {"auto", "off", NULL};
	static const char *const corrupt[] = {"", "stop", "beginning", "end", NULL};
	struct config *config = file->config;

	config->state_dir = path_of(file, options, "state_dir");
	config->memory_limit = (uint64_t)weir_node_int(options, "memory_limit", 0);
	config->workers = (uint32_t)weir_node_int(options, "workers", cores());
	read_token(file, weir_node_find(options, "admin_token"));
	read_admin(file, weir_node_find(options, "admin"));
	read_log(config, weir_node_find(options, "log"));
	read_plugin_dirs(file, weir_node_find(options, "plugin_dirs"));
	read_conf_dir(file, options);
	config->shutdown_timeout_ns = (uint64_t)weir_node_int(options, "shutdown_timeout", 0);
	config->drain_timeout_ns = (uint64_t)weir_node_int(options, "drain_timeout", 0);
	config->isolate_timeout_ns = (uint64_t)weir_node_int(options, "isolate_timeout", 0);
	config->load_timeout_ns = (uint64_t)weir_node_int(options, "load_timeout", 0);
	config->sandbox = word_of(options, "sandbox", sandbox) == 0;
	config->on_corrupt_state = word_of(options, "on_corrupt_state", corrupt);
	if (!config->on_corrupt_state)
		config->on_corrupt_state = CONFIG_CORRUPT_STOP;
	config->dead_letter_max = (uint64_t)weir_node_int(options, "dead_letter_max", 0);
}

void service_read(struct config_file *file)
{
	struct option_set set = {.options = service_options};
	struct tree_node *root = NULL;

	(void)tree_read(file, &root);
	if (root)
		interpolation_apply(file, root);
	if (root && root->kind != TREE_MAP && !tree_is_null(root))
		config_file_error(
			file, root->line, root->column,
			"expected settings such as \"state_dir: /var/lib/weir\", found %s",
			tree_describe(file, root));
	option_check_map(file, root, "weir.yaml", 1, 1, &set, 1);
	if (set.ret_node)
		read_settings(file, set.ret_node);
}
