// SPDX-License-Identifier: MIT
/* Each part stands by itself; the order matters only in that no_new_privs comes before what needs it. */
#include "sandbox/sandbox.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <weir/plugin.h>

#include "batch/json.h"
#include "sandbox/parts.h"

struct sandbox {
	const char *capabilities, *no_new_privs, *landlock, *seccomp; /* why not; NULL = active */
	struct system_calls *calls;
};

int sandbox_enter(struct sandbox **ret_sandbox, struct weir_error *error)
{
	struct sandbox *sandbox = calloc(1, sizeof(*sandbox));

	if (!sandbox)
		return weir_fail(error, WEIR_ERR_MEMORY, "no memory for the sandbox");
	sandbox->capabilities = capabilities_drop();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		sandbox->no_new_privs = "the kernel does not have it";
	sandbox->landlock = landlock_enter();
	sandbox->seccomp = system_calls_filter(&sandbox->calls);
	*ret_sandbox = sandbox;
	return 0;
}

void sandbox_destroy(struct sandbox *sandbox)
{
	if (!sandbox)
		return;
	system_calls_stop(sandbox->calls);
	free(sandbox);
}

static void put_part(struct buffer *out, const char *name, const char *why_not)
{
	buffer_printf(out, "\"%s\":", name);
	if (why_not)
		json_append_string(out, weir_slice_of(why_not));
	else
		buffer_text(out, "null");
	buffer_text(out, ",");
}

void sandbox_describe(const struct sandbox *sandbox, struct buffer *out)
{
	const char *const parts[][2] = {{"capabilities", sandbox->capabilities},
					{"no_new_privs", sandbox->no_new_privs},
					{"landlock", sandbox->landlock},
					{"seccomp", sandbox->seccomp}};

	buffer_text(out, "on");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i][1])
			buffer_printf(out, " without %s (%s)", parts[i][0], parts[i][1]);
}

int sandbox_status(const struct sandbox *sandbox, struct buffer *out)
{
	buffer_text(out, "{");
	put_part(out, "capabilities", sandbox->capabilities);
	put_part(out, "no_new_privs", sandbox->no_new_privs);
	put_part(out, "landlock", sandbox->landlock);
	put_part(out, "seccomp", sandbox->seccomp);
	return buffer_printf(
		out, "\"denied\":%llu}",
		(unsigned long long)(sandbox->calls ? system_calls_denied(sandbox->calls) : 0));
}
