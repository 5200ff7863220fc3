#include "measure/environment.h"

#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "measure/build.h"
#include "measure/text.h"

// First line of a small file, without its line end; false when there is none.
static bool read_line(const char *path, char *line, int size) {
  FILE *file = fopen(path, "r");
  if (!file) return false;
  bool found = fgets(line, size, file) != NULL;
  fclose(file);
  if (found) line[strcspn(line, "\n")] = '\0';
  return found && *line;
}

// The text after "key:" in a /proc table, blanks skipped.
static bool read_field(const char *path, const char *key, char *value, size_t size) {
  FILE *file = fopen(path, "r");
  if (!file) return false;
  char line[512];
  bool found = false;
  while (!found && fgets(line, sizeof line, file)) {
    size_t length = strlen(key);
    if (strncmp(line, key, length) != 0) continue;
    const char *at = line + length + strspn(line + length, " \t");
    if (*at++ != ':') continue;
    at += strspn(at, " \t");
    snprintf(value, size, "%.*s", (int)strcspn(at, "\n"), at);
    found = true;
  }
  fclose(file);
  return found;
}

// FNV-1a. It tells machines and builds apart; it is no protection against forgery.
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count) {
  const unsigned char *at = bytes;
  for (size_t i = 0; i < count; i++) hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
  return hash;
}

static const uint64_t hash_start = UINT64_C(0xcbf29ce484222325);

static void set_text(json_t *object, const char *key, const char *value) {
  if (value && *value) json_object_set_new(object, key, json_string(value));
}

static void set_hash(json_t *object, const char *key, uint64_t hash) {
  char text[17];
  snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
  set_text(object, key, text);
}

static void add_machine(json_t *environment) {
  char cpu_model[256] = "", value[256];
  long cpus = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  read_field("/proc/cpuinfo", "model name", cpu_model, sizeof cpu_model);

  // The machine's own id where there is one. Processor and host name tell containers of one image apart.
  uint64_t id = hash_bytes(hash_start, cpu_model, strlen(cpu_model));
  id = hash_bytes(id, &cpus, sizeof cpus);
  if (read_line("/etc/machine-id", value, sizeof value)) id = hash_bytes(id, value, strlen(value));
  struct utsname system;
  bool named = uname(&system) == 0;
  if (named) id = hash_bytes(id, system.nodename, strlen(system.nodename));
  set_hash(environment, "machine_id", id);

  if (named) set_text(environment, "host_name", system.nodename);
  set_text(environment, "cpu_model", cpu_model);
  if (cpus > 0) json_object_set_new(environment, "cpus", json_integer(cpus));
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
    json_object_set_new(environment, "cpus_allowed", json_integer(CPU_COUNT(&allowed)));
  if (read_field("/proc/cpuinfo", "cpu MHz", value, sizeof value))
    json_object_set_new(environment, "mhz", json_integer((json_int_t)(strtod(value, NULL) + 0.5)));
  if (read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", value, sizeof value))
    set_text(environment, "governor", value);
  if (pages > 0 && page > 0)
    json_object_set_new(environment, "memory_bytes", json_integer((json_int_t)pages * page));
}

// The processor's caches, in Google Benchmark's form.
static json_t *caches(void) {
  json_t *list = json_array();
  for (int index = 0; index < 16; index++) {
    static const char *const files[] = {"type", "level", "size", "shared_cpu_map"};
    char values[4][256], path[128];
    for (int i = 0; i < 4; i++) {
      snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, files[i]);
      if (!read_line(path, values[i], sizeof values[i])) return list;
    }
    json_int_t sharing = 0;
    for (const char *digit = values[3]; *digit; digit++)
      if (isxdigit((unsigned char)*digit))
        sharing += __builtin_popcountl(strtoul((char[]){*digit, '\0'}, NULL, 16));
    uint64_t bytes;
    if (!tri_parse_size(values[2], &bytes)) continue;
    json_array_append_new(list, json_pack("{s:s, s:i, s:I, s:I}", "type", values[0], "level", atoi(values[1]),
                                          "size", (json_int_t)bytes, "num_sharing", sharing));
  }
  return list;
}

static void add_system(json_t *environment) {
  char value[256];
  struct utsname system;
  if (uname(&system) == 0) {
    char *kernel = tri_format("%s %s %s", system.sysname, system.release, system.machine);
    set_text(environment, "kernel", kernel);
    free(kernel);
  }
  // "always [madvise] never": the brackets mark what is in force.
  if (read_line("/sys/kernel/mm/transparent_hugepage/enabled", value, sizeof value)) {
    char *mode = strchr(value, '['), *end = strchr(value, ']');
    if (mode && end > mode) {
      *end = '\0';
      set_text(environment, "transparent_huge_pages", mode + 1);
    }
  }
  if (read_line("/proc/sys/kernel/randomize_va_space", value, sizeof value))
    json_object_set_new(environment, "aslr", json_integer(atoi(value)));
  double load[3];
  if (getloadavg(load, 3) == 3)
    json_object_set_new(environment, "load_average", json_pack("[f, f, f]", load[0], load[1], load[2]));
}

static void add_build(json_t *environment, const char *executable) {
  set_text(environment, "compiler", TRI_BUILD_COMPILER);
  set_text(environment, "build_type", TRI_BUILD_TYPE);
  set_text(environment, "sanitizers", TRI_BUILD_SANITIZERS);
  set_text(environment, "version", TRI_BUILD_VERSION);
  set_text(environment, "commit", TRI_BUILD_COMMIT);
  FILE *file = fopen(executable, "rb");
  if (!file) return;
  char block[1 << 14];
  uint64_t hash = hash_start;
  for (size_t count; (count = fread(block, 1, sizeof block, file)) > 0;)
    hash = hash_bytes(hash, block, count);
  fclose(file);
  set_hash(environment, "executable_hash", hash);
}

json_t *tri_environment(const char *executable) {
  json_t *environment = tri_need(json_object());
  add_machine(environment);
  json_object_set_new(environment, "caches", caches());
  add_system(environment);
  add_build(environment, executable);
  return environment;
}

static void copy_as(json_t *to, const char *to_key, const json_t *from, const char *from_key) {
  json_t *value = json_object_get(from, from_key);
  if (value) json_object_set(to, to_key, value);
}

json_t *tri_environment_context(const json_t *environment, const char *date, const char *executable) {
  json_t *context = tri_need(json_object());
  const char *build_type = json_string_value(json_object_get(environment, "build_type"));
  const char *governor = json_string_value(json_object_get(environment, "governor"));
  bool debug = !build_type || strncmp(build_type, "Rel", 3) != 0; // Release, RelWithDebInfo
  set_text(context, "date", date);
  copy_as(context, "host_name", environment, "host_name");
  set_text(context, "executable", executable);
  copy_as(context, "num_cpus", environment, "cpus");
  copy_as(context, "mhz_per_cpu", environment, "mhz");
  json_object_set_new(context, "cpu_scaling_enabled",
                      json_boolean(governor && strcmp(governor, "performance")));
  copy_as(context, "caches", environment, "caches");
  copy_as(context, "load_avg", environment, "load_average");
  json_object_set_new(context, "library_build_type", json_string(debug ? "debug" : "release"));
  return context;
}

void tri_version_print(FILE *out) {
  fprintf(out, "tricolor %s, commit %s, %s%s%s, %s\n", TRI_BUILD_VERSION, TRI_BUILD_COMMIT,
          *TRI_BUILD_TYPE ? TRI_BUILD_TYPE : "no build type",
          *TRI_BUILD_SANITIZERS ? " with sanitizers " : "", TRI_BUILD_SANITIZERS, TRI_BUILD_COMPILER);
}

uint64_t tri_peak_resident_bytes(void) {
  FILE *file = fopen("/proc/self/status", "r");
  unsigned long long kib = 0;
  for (char line[256]; file && fgets(line, sizeof line, file);)
    if (sscanf(line, "VmHWM: %llu kB", &kib) == 1) break;
  if (file) fclose(file);
  return kib << 10;
}
