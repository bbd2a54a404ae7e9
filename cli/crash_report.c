/* SPDX-License-Identifier: MIT */
/* `crash status` and `crash list`: what is kept, and where. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/human.h"
#include "cli/cmd.h"
#include "cli/crash_cmd.h"
#include "cli/json.h"
#include "cli/text_table.h"

struct state {
	char folder[PATH_MAX];
	struct core_pattern now, before;
	bool installed, known;	/* known: what stood there before */
	bool there;		/* the folder is, and can be read */
	struct crash_settings settings;
	struct crash_list list;
	uint64_t count, bytes, disk_free;
};

static bool open_store(const struct crash_args *args, char path[PATH_MAX],
		       struct crash_store *ret, struct err *err)
{
	return crash_folder(args, path, err) &&
	       crash_store_open(path, ret, err);
}

static struct json_t *entry_json(const struct crash_store *store,
				 const struct crash_entry *e)
{
	struct json_t *o = json_new_object();
	char time[CRASH_TIME_MAX], path[PATH_MAX + CRASH_NAME_MAX],
	     name[HUMAN_MAX];

	crash_time_text(e->time, true, time);
	snprintf(path, sizeof(path), "%s/%s", store->path,
		 e->file ? e->file : "");
	json_put_text(o, "time", time);
	json_put_u64(o, "pid", e->pid);
	json_put_text(o, "signal", e->signal ?
		      human_signal(e->signal, name) : NULL);
	json_put_text(o, "executable", e->exe);
	json_put_bool(o, "stored", e->file != NULL);
	json_put_u64(o, "size", e->size);
	json_put_text(o, "path", e->file ? path : NULL);
	json_put_text(o, "why", e->why);
	return o;
}

static int list_json(const struct crash_store *store,
		     const struct crash_list *list)
{
	struct json_t *document = json_new_object(), *crashes;

	json_put_text(document, "dir", store->path);
	crashes = json_new_array();
	json_put(document, "crashes", crashes);
	for (size_t i = 0; i < list->at.len; i++)
		json_add(crashes, entry_json(store, &list->at.at[i]));
	return json_print(document);
}

static int list_text(const struct crash_store *store,
		     const struct crash_list *list)
{
	static const struct table_column columns[] = {
		{ "Time", ALIGN_LEFT }, { "PID", ALIGN_RIGHT },
		{ "Signal", ALIGN_LEFT }, { "Size", ALIGN_RIGHT },
		{ "Executable", ALIGN_LEFT }, { "Snapshot", ALIGN_LEFT },
	};
	struct options options = {0};
	struct table t = table_of(columns, 6, &options);

	for (size_t i = 0; i < list->at.len; i++) {
		const struct crash_entry *e = &list->at.at[i];
		char time[CRASH_TIME_MAX], name[HUMAN_MAX];

		crash_time_text(e->time, true, time);
		table_text(&t, time);
		table_format(&t, "%u", e->pid);
		table_text(&t, e->signal ? human_signal(e->signal, name) : "-");
		if (e->file)
			table_size(&t, e->size);
		else
			table_text(&t, "-");
		table_text(&t, e->exe);
		if (e->file)
			table_format(&t, "%s/%s", store->path, e->file);
		else
			table_format(&t, "not stored: %s",
				     e->why ? e->why : "");
	}
	return table_print(&t);
}

int crash_list(const struct crash_args *args)
{
	struct crash_store store;
	struct crash_list list;
	char path[PATH_MAX];
	struct err err = {0};
	int status;

	if (!open_store(args, path, &store, &err)) {
		if (access(path, F_OK) != 0 && errno == ENOENT)
			err_wrap(&err, "nothing was kept yet; --dir says where "
				 "else to look");
		return cmd_trouble(&err);
	}
	if (!crash_store_list(&store, &list, &err)) {
		crash_store_close(&store);
		return cmd_trouble(&err);
	}
	status = args->json ? list_json(&store, &list) :
			      list_text(&store, &list);
	crash_list_free(&list);
	crash_store_close(&store);
	return status;
}

static bool look(const struct crash_args *args, struct state *s,
		 struct err *err)
{
	char folder[CORE_PATTERN_MAX];
	struct crash_store store;
	struct statvfs st;
	struct err why = {0};

	if (!core_pattern_read(&s->now, err) ||
	    !crash_folder(args, s->folder, err))
		return false;
	s->installed = core_pattern_ours(s->now.text, folder);
	if (args->dir && strcmp(folder, s->folder) != 0)
		s->installed = false;
	s->settings = crash_settings_default();
	s->there = crash_store_open(s->folder, &store, &why);
	if (!s->there)
		return !s->installed || err_set(err, why.code, "%s",
						why.message);
	s->known = core_pattern_recall(store.folder, &s->before);
	crash_settings_read(store.folder, &s->settings);
	if (statvfs(s->folder, &st) == 0)
		s->disk_free = (uint64_t)st.f_bavail * st.f_frsize;
	if (!crash_store_list(&store, &s->list, err)) {
		crash_store_close(&store);
		return false;
	}
	for (size_t i = 0; i < s->list.at.len; i++) {
		s->count += s->list.at.at[i].file != NULL;
		s->bytes += s->list.at.at[i].size;
	}
	crash_store_close(&store);
	return true;
}

static struct json_t *limits_json(const struct state *s)
{
	struct json_t *o = json_new_object();

	json_put_u64(o, "max_size", s->settings.max_size);
	json_put_u64(o, "max_count", s->settings.max_count);
	json_put_u64(o, "max_total", s->settings.max_total);
	json_put_u64(o, "keep_free", crash_settings_keep(&s->settings,
							 s->folder));
	json_put_u64(o, "limit_time", s->settings.limit_time);
	return o;
}

static int status_json(const struct state *s)
{
	struct json_t *o = json_new_object();

	json_put_bool(o, "installed", s->installed);
	json_put_text(o, "pattern", s->now.text);
	json_put_u64(o, "pipe_limit", s->now.pipe_limit);
	json_put_text(o, "dir", s->folder);
	json_put(o, "limits", limits_json(s));
	json_put_bool(o, "types", !s->settings.no_types);
	json_put_text(o, "content", s->settings.only_pointers ? "pointers" :
								"full");
	json_put_u64(o, "count", s->count);
	json_put_u64(o, "bytes", s->bytes);
	json_put_u64(o, "free", s->disk_free);
	json_put_text(o, "previous", s->known ? s->before.text : NULL);
	return json_print(o);
}

static void print_limits(const struct state *s)
{
	char size[HUMAN_MAX], total[HUMAN_MAX], keep[HUMAN_MAX];

	printf("limits: %s a snapshot, %" PRIu64 " of them, %s in all, %s of "
	       "the disk stay free, %" PRIu64 " s a crash\n",
	       human_size(s->settings.max_size, false, size),
	       s->settings.max_count,
	       human_size(s->settings.max_total, false, total),
	       human_size(crash_settings_keep(&s->settings, s->folder), false,
			  keep), s->settings.limit_time);
}

static int status_text(const struct state *s)
{
	char bytes[HUMAN_MAX], left[HUMAN_MAX];

	fputs(s->installed ? "installed: crashes go to " :
	      "not installed; crashes went to ", stdout);
	text_print(s->folder);
	putchar('\n');
	fputs("kernel.core_pattern is \"", stdout);
	text_print(s->now.text);
	puts("\"");
	if (s->known) {
		fputs("before, it was \"", stdout);
		text_print(s->before.text);
		puts("\"");
	}
	if (!s->there)
		return EXIT_DONE;
	print_limits(s);
	printf("used: %" PRIu64 " snapshot%s, %s; %s of the disk are free\n",
	       s->count, s->count == 1 ? "" : "s", human_size(s->bytes, false, bytes),
	       human_size(s->disk_free, false, left));
	return EXIT_DONE;
}

int crash_status(const struct crash_args *args)
{
	struct state s = {0};
	struct err err = {0};
	int status;

	if (look(args, &s, &err))
		status = args->json ? status_json(&s) : status_text(&s);
	else
		status = cmd_trouble(&err);
	crash_list_free(&s.list);
	return status;
}
