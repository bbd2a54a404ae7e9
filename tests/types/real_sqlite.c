/* SPDX-License-Identifier: MIT */
/*
 * A program that uses SQLite as programs do: two databases in memory, with
 * tables, indexes, views and triggers, and statements that are half done.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "sqlite3.h"

enum { TABLES = 12, ROWS = 200 };

/* Where they are found; nothing else refers to them. */
sqlite3 *databases[2];
sqlite3_stmt *statements[2 * TABLES * 3];

static void run(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return;
	fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
	exit(1);
}

static void run_for(sqlite3 *db, const char *format, int table)
{
	char *sql = sqlite3_mprintf(format, table, table, table, table);

	run(db, sql);
	sqlite3_free(sql);
}

static sqlite3_stmt *begin(sqlite3 *db, const char *format, int table, int rows)
{
	char *sql = sqlite3_mprintf(format, table);
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
		exit(1);
	}
	sqlite3_free(sql);
	while (rows-- > 0)
		sqlite3_step(s);
	return s;
}

static void half(sqlite3_context *c, int n, sqlite3_value **values)
{
	(void)n;
	sqlite3_result_double(c, sqlite3_value_double(values[0]) / 2);
}

static void make_table(sqlite3 *db, int t)
{
	run_for(db, "CREATE TABLE t%d(id INTEGER PRIMARY KEY, name TEXT NOT NULL,"
		"price REAL DEFAULT 1.5, note TEXT COLLATE NOCASE,"
		"owner INTEGER REFERENCES t0(id) ON DELETE CASCADE)", t);
	run_for(db, "CREATE INDEX i%d ON t%d(name, price)", t);
	run_for(db, "CREATE UNIQUE INDEX u%d ON t%d(note, id) WHERE price > 2",
		t);
	run_for(db, "CREATE VIEW v%d AS SELECT a.id, b.name AS n FROM t%d a "
		"JOIN t%d b ON a.id = b.owner WHERE a.price BETWEEN 1 AND 100",
		t);
	if (t > 0)
		run_for(db, "CREATE TRIGGER r%d AFTER INSERT ON t%d "
			"WHEN new.price > 50 BEGIN UPDATE t%d "
			"SET note = 'dear' || new.id WHERE id = new.id; "
			"INSERT INTO t0(name) VALUES ('x'); END", t);
	run(db, "BEGIN");
	for (int i = 0; i < ROWS; i++) {
		char *sql = sqlite3_mprintf(
			"INSERT INTO t%d(name, price, note) "
			"VALUES ('name %d', %d.25, 'note %d')", t, i, i % 60, i);

		run(db, sql);
		sqlite3_free(sql);
	}
	run(db, "COMMIT");
}

static void query_table(sqlite3 *db, int t, sqlite3_stmt **ret)
{
	ret[0] = begin(db, "SELECT * FROM v%d WHERE n LIKE 'na%%' ORDER BY 2",
		       t, 0);
	ret[1] = begin(db, "SELECT name, count(*), group_concat(note), "
		       "half(sum(price)) FROM t%d WHERE price IN (1.25, 2.25) "
		       "OR id = ?1 GROUP BY name HAVING count(*) > 0", t, 2);
	ret[2] = begin(db, "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL "
		       "SELECT x + 1 FROM c WHERE x < 100) SELECT c.x, t.name, "
		       "row_number() OVER (ORDER BY t.price) "
		       "FROM c JOIN t%d t ON t.id = c.x", t, 5);
}

int main(void)
{
	void (*stop)(void) = (void (*)(void))dlsym(RTLD_DEFAULT,
						   "alloc_log_stop");
	sqlite3_stmt **next = statements;

	/* Each object is a block of its own. */
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
	for (int k = 0; k < 2; k++) {
		if (sqlite3_open(":memory:", &databases[k]) != SQLITE_OK)
			return 1;
		sqlite3_create_function(databases[k], "half", 1, SQLITE_UTF8,
					NULL, half, NULL, NULL);
		for (int t = 0; t < TABLES; t++)
			make_table(databases[k], t);
		for (int t = 0; t < TABLES; t++, next += 3)
			query_table(databases[k], t, next);
	}
	if (stop)
		stop();
	return 0;
}
