// SPDX-License-Identifier: MIT
/*
 * Keeps what an agent run as root needs for its work, and what a unit may have given it for reading.
 * The bounding set follows, so that no program that it starts has more; an agent that is not root
 * can't change that set, and has nothing in it to gain with no_new_privs.
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/parts.h"

#define BIT(capability) (UINT64_C(1) << (capability))

/* Reading any log, writing files for others, low ports of inputs, commands as another user. */
#define KEPT                                                                                   \
	(BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_CHOWN) | BIT(CAP_FOWNER) | \
	 BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_KILL))

/* Two words of 32 capabilities each, as version 3 of the call has them. Returns whether there is any to
 * drop: where there is none the call may be forbidden. */
static int keep(struct __user_cap_data_struct sets[2])
{
	int more = 0;

	for (int i = 0; i < 2; i++) {
		uint32_t kept = (uint32_t)(KEPT >> (32 * i));

		more |= ((sets[i].effective | sets[i].permitted | sets[i].inheritable) & ~kept) !=
			0;
		sets[i].effective &= kept;
		sets[i].permitted &= kept;
		sets[i].inheritable &= kept;
	}
	return more;
}

const char *capabilities_drop(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct sets[2];

	for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		if (!(KEPT & BIT(capability)))
			(void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	if (syscall(SYS_capget, &header, sets))
		return "the kernel does not tell the capabilities";
	if (!keep(sets))
		return NULL;
	return syscall(SYS_capset, &header, sets) ? "they could not be dropped" : NULL;
}
