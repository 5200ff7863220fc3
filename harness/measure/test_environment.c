// What every Linux machine knows is there, and the same machine and build give the same hashes.
#include "measure/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"

static const char *text(const json_t *object, const char *key) {
  return json_string_value(json_object_get(object, key));
}

int main(int argc, char **argv) {
  (void)argc;
  json_t *environment = tri_environment(argv[0]), *again = tri_environment(argv[0]);
  static const char *const texts[] = {"machine_id", "host_name", "kernel",
                                      "compiler",   "version",   "executable_hash"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    TRI_CHECK(text(environment, texts[i]) != NULL);
    TRI_CHECK_STR(text(environment, texts[i]), text(again, texts[i]));
  }
  TRI_CHECK_EQ(strlen(text(environment, "machine_id")), 16);
  TRI_CHECK_GE(json_integer_value(json_object_get(environment, "cpus")), 1);
  TRI_CHECK_GE(json_integer_value(json_object_get(environment, "cpus_allowed")), 1);
  TRI_CHECK_GE(json_integer_value(json_object_get(environment, "memory_bytes")), 1 << 20);

  json_t *other = tri_environment("/bin/sh"), *missing = tri_environment("/no/such/program");
  TRI_CHECK(strcmp(text(environment, "executable_hash"), text(other, "executable_hash")) != 0);
  TRI_CHECK(!text(missing, "executable_hash"));

  json_t *context = tri_environment_context(environment, "2026-01-02T03:04:05+00:00", "tricolor");
  TRI_CHECK_STR(text(context, "date"), "2026-01-02T03:04:05+00:00");
  TRI_CHECK_STR(text(context, "executable"), "tricolor");
  TRI_CHECK_STR(text(context, "host_name"), text(environment, "host_name"));
  TRI_CHECK(json_is_integer(json_object_get(context, "num_cpus")));
  TRI_CHECK(json_is_array(json_object_get(context, "caches")));
  TRI_CHECK(json_is_boolean(json_object_get(context, "cpu_scaling_enabled")));
  char *dump = json_dumps(environment, JSON_INDENT(1));
  TRI_CHECK(dump != NULL);
  puts(dump);
  free(dump);

  json_decref(environment);
  json_decref(again);
  json_decref(other);
  json_decref(missing);
  json_decref(context);
  return 0;
}
