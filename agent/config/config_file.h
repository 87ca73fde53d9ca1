// SPDX-License-Identifier: MIT
/*
 * One configuration file while it is being read: its text, the tree made of it, and where its
 * problems go. Lives on the stack of the reader; what outlives it is copied into the config.
 */
#ifndef CONFIG_CONFIG_FILE_H
#define CONFIG_CONFIG_FILE_H

#include "config/config.h"
#include "config/memory.h"

/* A configuration longer than this is a mistake (a log given as -c, say). */
#define CONFIG_FILE_MAX (1024 * 1024)

struct config_file {
	struct config *config;
	const char *path; /* as it is shown */
	const char *text;
	size_t size;
	uint32_t errors;
	size_t first_problem;        /* in config->problems, of this file */
	struct config_memory memory; /* text and tree */
};

/* Reads the file. What is wrong with it is a problem in the config; then it returns a code. */
int config_file_open(struct config_file *file, struct config *config, const char *path);
/* The same with the text at hand; it is borrowed. */
void config_file_of(struct config_file *file, struct config *config, const char *path,
		    struct weir_slice text);
/* Frees text and tree, and puts the problems of the file in the order of their lines. */
void config_file_done(struct config_file *file);

void config_file_error(struct config_file *file, uint32_t line, uint32_t column, const char *format,
		       ...) __attribute__((format(printf, 4, 5)));
void config_file_warning(struct config_file *file, uint32_t line, uint32_t column,
			 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* `path` if absolute, else the path from the folder that `file_path` lies in. */
char *config_path_beside(struct config_memory *memory, const char *file_path, const char *path);

#endif
