/* SPDX-License-Identifier: MIT */
/*
 * The host's devices at the prompt: nodedev-list, nodedev-dumpxml, sysinfo. Output as virsh's; the data come from
 * hv/manage/nodedev.c.
 */
#include "hv/kmalloc.h"
#include "hv/lib/string.h"
#include "hv/manage/nodedev.h"
#include "hv/shell/command.h"
#include "hv/shell/commands.h"

#define TREE_DEPTH_MAX 64 /* PCI has at most 256 buses; deeper than this is drawn flat */

struct tree {
	struct shell *shell;
	const struct nodedev *nodes;
	u32 count;
	char indent[4 * TREE_DEPTH_MAX + 8];
	size_t length;
};

static void indent_add(struct tree *tree, char a, char b)
{
	tree->indent[tree->length++] = a;
	tree->indent[tree->length++] = b;
	tree->indent[tree->length] = '\0';
}

static void indent_cut(struct tree *tree)
{
	tree->length -= 2;
	tree->indent[tree->length] = '\0';
}

static u32 last_child(const struct tree *tree, u32 index)
{
	u32 last = index; /* none */

	for (u32 i = 0; i < tree->count; i++)
		if (tree->nodes[i].parent == index && i != index)
			last = i;
	return last;
}

/* Draws one node and what is below it, in virsh's form: "+- name", bars for those that follow. */
static void tree_print(struct tree *tree, u32 index, u32 last_sibling, bool root)
{
	u32 last = last_child(tree, index);
	bool children = last != index && tree->length + 8 < sizeof(tree->indent);

	shell_print(tree->shell, "%s%s%s\n", tree->indent, root ? "" : "+- ", tree->nodes[index].name);
	if (!root)
		indent_add(tree, index == last_sibling ? ' ' : '|', ' ');
	if (children)
		shell_print(tree->shell, "%s  |\n", tree->indent);
	indent_add(tree, ' ', ' ');
	for (u32 i = 0; i < tree->count && children; i++)
		if (tree->nodes[i].parent == index && i != index)
			tree_print(tree, i, last, false);
	indent_cut(tree);
	if (!children && index == last_sibling)
		shell_print(tree->shell, "%s\n", tree->indent);
	if (!root)
		indent_cut(tree);
}

static int nodedev_list_command(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *capabilities = shell_text(arguments, "cap");
	bool tree = shell_flag(arguments, "tree"), inactive = shell_flag(arguments, "inactive");
	struct manage_error error;
	struct nodedev *nodes;
	u32 count;

	if (tree && (capabilities || inactive))
		return shell_error(shell, "Option --tree is incompatible with --cap and --inactive");
	if (nodedev_list(capabilities, &nodes, &count, &error) != OK)
		return shell_error(shell, "%s", error.text);
	if (tree && count) {
		struct tree state = { .shell = shell, .nodes = nodes, .count = count };

		tree_print(&state, 0, 0, true);
	}
	for (u32 i = 0; i < count && !tree && !inactive; i++)
		shell_print(shell, "%s\n", nodes[i].name);
	kfree(nodes);
	return OK;
}

static int nodedev_dumpxml_command(struct shell *shell, const struct shell_arguments *arguments)
{
	const char *name = shell_text(arguments, "device");
	struct manage_error error;
	char *xml;

	if (nodedev_xml(name, &xml, &error) != OK)
		return shell_fail(shell, &error, "Could not find matching device '%s'", name);
	shell_write(shell, xml, strlen(xml));
	kfree(xml);
	return OK;
}

static int sysinfo_command(struct shell *shell, const struct shell_arguments *arguments)
{
	struct manage_error error;
	char *xml;

	(void)arguments;
	if (nodedev_sysinfo_xml(&xml, &error) != OK)
		return shell_fail(shell, &error, "failed to get sysinfo");
	shell_write(shell, xml, strlen(xml));
	kfree(xml);
	return OK;
}

static void complete_device(struct shell_completions *completions)
{
	struct nodedev *nodes;
	u32 count;

	if (nodedev_list(NULL, &nodes, &count, NULL) != OK)
		return;
	for (u32 i = 0; i < count; i++)
		shell_complete(completions, nodes[i].name);
	kfree(nodes);
}

static const struct shell_option list_options[] = {
	{ .name = "tree", .help = "list devices in a tree", .kind = SHELL_FLAG },
	{ .name = "cap", .help = "capability names, separated by comma", .kind = SHELL_TEXT },
	{ .name = "inactive", .help = "list inactive devices", .kind = SHELL_FLAG },
	{ .name = "all", .help = "list inactive & active devices", .kind = SHELL_FLAG },
	{ 0 },
};

static const struct shell_option device_options[] = {
	{ .name = "device", .help = "device name", .kind = SHELL_TEXT, .required = true, .complete = complete_device },
	{ 0 },
};

const struct shell_command shell_commands_nodedev[] = {
	{
		.name = "nodedev-dumpxml",
		.help = "node device details in XML",
		.description = "Output the node device details as an XML dump to stdout.",
		.options = device_options,
		.function = nodedev_dumpxml_command,
		.group = SHELL_GROUP_NODEDEV,
	},
	{
		.name = "nodedev-list",
		.help = "enumerate devices on this host",
		.options = list_options,
		.function = nodedev_list_command,
		.group = SHELL_GROUP_NODEDEV,
	},
	{
		.name = "sysinfo",
		.help = "print the hypervisor sysinfo",
		.description = "output an XML string for the hypervisor sysinfo, if available",
		.function = sysinfo_command,
		.group = SHELL_GROUP_HOST,
	},
	{ 0 },
};
