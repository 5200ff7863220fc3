#include "measure/subject.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure/arguments.h"
#include "measure/peer.h"

const char *const tri_sizes[] = {"tiny", "ci", "full", NULL};

struct tri_subject_command tri_subject_command(const struct tri_subject *subject, const char *result_path) {
  char *heap = tri_size_text(subject->heap_bytes);
  bool is_peer = tri_is_peer(subject->collector);
  struct tri_subject_command command = {
      .owned = {tri_format("--workload=%s", subject->workload), tri_format("--collector=%s", subject->collector),
                tri_format("--heap=%s", heap), tri_format("--size=%s", subject->size),
                result_path ? tri_format("--result=%s", result_path) : NULL,
                is_peer ? tri_peer_program(subject->executable, subject->collector) : NULL}};
  free(heap);
  size_t count = 0;
  command.arguments[count++] = is_peer ? command.owned[5] : subject->executable;
  command.arguments[count++] = "run";
  for (int i = 0; i < 4; i++) command.arguments[count++] = command.owned[i];
  if (subject->options) {
    command.arguments[count++] = "-o";
    command.arguments[count++] = subject->options;
  }
  command.arguments[count] = command.owned[4];
  return command;
}

void tri_subject_command_free(struct tri_subject_command *command) {
  for (size_t i = 0; i < sizeof command->owned / sizeof *command->owned; i++) free(command->owned[i]);
}

char *tri_subject_text(const struct tri_subject *subject) {
  struct tri_subject_command command = tri_subject_command(subject, NULL);
  char *text = tri_shell_command(command.arguments);
  tri_subject_command_free(&command);
  return text;
}

bool tri_collector_known(const char *executable, const char *name, struct tri_names collectors,
                         struct tri_error *error) {
  if (tri_is_peer(name)) return tri_peer_known(executable, name, error);
  return strchr(name, '/') /* a shared object, which is not in the list */ ||
         tri_known("collector", name, collectors, error);
}

bool tri_heap_bytes(const char *text, uint64_t *bytes, struct tri_error *error) {
  if (tri_parse_size(text, bytes)) return true;
  if (*text && text[strspn(text, "0123456789.")] == 'x')
    return tri_fail(error,
                    "--heap=%s: a factor needs the workload's minimum heap, which is not calibrated; "
                    "right would be a size such as 64m",
                    text);
  return tri_fail(error, "--heap=%s: right would be a size such as 64m", text);
}

char *tri_own_path(struct tri_error *error) {
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length >= 0) return tri_format("%.*s", (int)length, path);
  tri_fail(error, "/proc/self/exe does not say which program this is");
  return NULL;
}
