// SPDX-License-Identifier: MIT
/*
 * Metrics for those who don't ask for OpenMetrics. Its lines are those of Prometheus' older text format,
 * but for one thing: there the help and type of a counter stand under its name with _total.
 */
#ifndef ADMIN_OLDER_METRICS_H
#define ADMIN_OLDER_METRICS_H

#include "base/buffer.h"

int older_metrics(const struct buffer *openmetrics, struct buffer *out);

#endif
