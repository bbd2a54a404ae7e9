/* SPDX-License-Identifier: MIT */
/**
 * @file
 * JSON documents (jansson). Every constructor and setter copes with memory
 * running out: json_print() reports it. A child belongs to its parent once it
 * is put or added.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>

struct json_t;

struct json_t *json_new_object(void);
struct json_t *json_new_array(void);

/** Put @child under @key of an object, or behind the last item of an array. */
void json_put(struct json_t *object, const char *key, struct json_t *child);
void json_add(struct json_t *array, struct json_t *child);

void json_put_u64(struct json_t *object, const char *key, uint64_t value);
void json_put_i64(struct json_t *object, const char *key, int64_t value);
void json_put_real(struct json_t *object, const char *key, double value);
void json_put_bool(struct json_t *object, const char *key, bool value);

/** @text NULL is null; bytes that are no UTF-8 are shown as \xNN. */
void json_put_text(struct json_t *object, const char *key, const char *text);

/** "0x7f00c0de". */
void json_put_addr(struct json_t *object, const char *key, uint64_t addr);
void json_add_addr(struct json_t *array, uint64_t addr);
void json_add_text(struct json_t *array, const char *text);

/** Print on standard output with a newline, and free. Exit status. */
int json_print(struct json_t *document);

/** Print on one line: for streams of objects. */
int json_print_line(struct json_t *object);

#endif
