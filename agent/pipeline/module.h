// SPDX-License-Identifier: MIT
/*
 * Modules: parts of the agent in shared objects of their own (weir/modules/NAME.so), loaded on first
 * use for the sake of the libraries behind them. Built with the agent, never by strangers.
 */
#ifndef PIPELINE_MODULE_H
#define PIPELINE_MODULE_H

#include <weir/abi.h>

/* The exported table `symbol` of module NAME. Main thread. */
int module_load(const char *name, const char *symbol, const void **ret_table,
		struct weir_error *error);

#endif
