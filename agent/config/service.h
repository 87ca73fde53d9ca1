// SPDX-License-Identifier: MIT
/* The service's settings: what weir.yaml may hold, and how it becomes the head of struct config. */
#ifndef CONFIG_SERVICE_H
#define CONFIG_SERVICE_H

#include "config/config_file.h"

/* What weir.yaml may hold; for messages, `weir check` and the manual. */
extern const struct weir_option service_options[];

/* Fills the settings from the file's text, defaults included; problems go to the config. */
void service_read(struct config_file *file);

#endif
