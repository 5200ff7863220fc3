#include "program/commands.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/poison.h"
#include "measure/file.h"
#include "program/checked.h"
#include "program/exec.h"
#include "program/files.h"
#include "program/show.h"
#include "program/text.h"
#include "run.h"
#include "shims/fault.h"
#include "shims/record.h"

enum { MAX_PARAMS_GIVEN = 16 };

// What the commands take; each takes some of it.
struct arguments {
  const char *out, *collector, *options, *workload, *size, *check, *fault;
  const char *params[MAX_PARAMS_GIVEN];
  int n_params;
  uint64_t steps; // 0: as the executor has it
  char **files;
  int n_files;
};

struct command {
  const char *name;
  const char *letters; // of the options that it takes, see long_options
  const char *usage;
};

static const struct option long_options[] = {{"out", required_argument, 0, 'O'},
                                             {"collector", required_argument, 0, 'c'},
                                             {"options", required_argument, 0, 'o'},
                                             {"workload", required_argument, 0, 'w'},
                                             {"check", required_argument, 0, 'k'},
                                             {"fault", required_argument, 0, 'f'},
                                             {"steps", required_argument, 0, 'n'},
                                             {"size", required_argument, 0, 's'},
                                             {"param", required_argument, 0, 'p'},
                                             {"help", no_argument, 0, 'h'},
                                             {0}};

static bool parse(const struct command *command, int argc, char **argv, struct arguments *to,
                  struct tri_error *error) {
  *to = (struct arguments){0};
  opterr = 0;
  optind = 1;
  for (int c; (c = getopt_long(argc, argv, ":o:", long_options, NULL)) != -1;) {
    if (c == 'h') {
      fputs(command->usage, stdout);
      exit(0);
    }
    if (c == ':') return tri_fail(error, "%s needs a value", argv[optind - 1]);
    if (c == '?' || !strchr(command->letters, c))
      return tri_fail(error, "unknown option '%s'; see `tricolor %s --help`", argv[optind - 1], command->name);
    if (c == 'O') to->out = optarg;
    if (c == 'c') to->collector = optarg;
    if (c == 'o') to->options = optarg;
    if (c == 'w') to->workload = optarg;
    if (c == 'k') to->check = optarg;
    if (c == 'f') to->fault = optarg;
    if (c == 'n' && (sscanf(optarg, "%" SCNu64 "%c", &to->steps, &(char){0}) != 1 || !to->steps))
      return tri_fail(error, "--steps=%s: right would be a number from 1", optarg);
    if (c == 's') to->size = optarg;
    if (c == 'p' && to->n_params == MAX_PARAMS_GIVEN) return tri_fail(error, "more than %d --param", MAX_PARAMS_GIVEN);
    if (c == 'p') to->params[to->n_params++] = optarg;
  }
  to->files = argv + optind;
  to->n_files = argc - optind;
  if (to->n_files == 0 && !strchr(command->letters, 'w'))
    return tri_fail(error, "no file is named (- is the standard input); see `tricolor %s --help`", command->name);
  return true;
}

static int fails(const struct command *command, const struct tri_error *error, int status) {
  fprintf(stderr, "tricolor %s: %s\n", command->name, error->text);
  return status;
}

static int bad(const struct command *command, const struct tri_error *error) { return fails(command, error, 2); }
static int not_written(const struct command *command, const struct tri_error *error) {
  return fails(command, error, 3);
}

// ---- asm, dis -------------------------------------------------------------------------------------------------

static bool write_bytes(const struct tri_program *program, FILE *out) {
  size_t size = tri_program_encode(program, NULL, 0);
  uint8_t *bytes = tri_need(malloc(size + 1));
  tri_program_encode(program, bytes, size);
  bool ok = fwrite(bytes, 1, size, out) == size;
  free(bytes);
  return ok;
}

typedef bool write_fn(const struct tri_program *program, FILE *out);

static bool write_file(const struct tri_program *program, const char *path, write_fn *write, struct tri_error *error) {
  struct tri_new_file file;
  if (!tri_new_file_begin(&file, path, error)) return false;
  write(program, file.stream); // a failed write shows up at the commit
  return tri_new_file_commit(&file, error);
}

static int convert(const struct command *command, int argc, char **argv, write_fn *write) {
  struct arguments arguments;
  struct tri_error error;
  struct tri_program program = {0};
  if (!parse(command, argc, argv, &arguments, &error)) return bad(command, &error);
  if (arguments.n_files > 1) {
    tri_fail(&error, "one file at a time, please: '%s' is too many", arguments.files[1]);
    return bad(command, &error);
  }
  bool read = tri_program_read(arguments.files[0], &program, &error);
  int status = read ? 0 : bad(command, &error);
  if (read && arguments.out) {
    if (!write_file(&program, arguments.out, write, &error)) status = not_written(command, &error);
  } else if (read && (!write(&program, stdout) || fflush(stdout) != 0)) {
    perror("tricolor: standard output");
    status = 3;
  }
  tri_program_free(&program);
  return status;
}

int tri_command_asm(int argc, char **argv) {
  static const struct command command = {"asm", "O",
                                         "usage: tricolor asm [--out=FILE] FILE\n"
                                         "Turns a heap program from text (.thp) into bytes. - is the standard input;\n"
                                         "without --out the bytes go to the standard output.\n"};
  return convert(&command, argc, argv, write_bytes);
}

int tri_command_dis(int argc, char **argv) {
  static const struct command command = {"dis", "O",
                                         "usage: tricolor dis [--out=FILE] FILE\n"
                                         "Turns a heap program from bytes (any bytes) into text. - is the standard\n"
                                         "input; without --out the text goes to the standard output.\n"};
  return convert(&command, argc, argv, tri_program_print);
}

// ---- show -----------------------------------------------------------------------------------------------------

int tri_command_show(int argc, char **argv) {
  static const struct command command = {
      "show", "con",
      "usage: tricolor show [--collector=C] [-o KEY=VALUE,…] FILE\n"
      "Runs a heap program and prints the heap: objects by number, addresses, sizes, edges and roots, before and\n"
      "after each collection and at the end.\n"
      "  --collector=C     default semispace, or the first there is\n"
      "  --steps=N         how many operations loops may repeat in all (default 10000)\n"
      "  -o KEY=VALUE,…    options of the collector, see `tricolor list options`\n"};
  struct arguments arguments;
  struct tri_error error;
  struct tri_program program = {0};
  if (!parse(&command, argc, argv, &arguments, &error)) return bad(&command, &error);
  if (arguments.n_files > 1) {
    tri_fail(&error, "one file at a time, please: '%s' is too many", arguments.files[1]);
    return bad(&command, &error);
  }
  const struct tri_collector *collector = tri_collector_find("semispace");
  if (!collector) collector = tri_collectors[0];
  if (arguments.collector && !(collector = tri_collector_named(arguments.collector, &error)))
    return bad(&command, &error);
  if (!tri_program_read(arguments.files[0], &program, &error)) return bad(&command, &error);
  struct tri_run_params params = {
      .collector = collector, .options = arguments.options, .max_steps = arguments.steps, .out = stdout};
  struct tri_run_result result;
  printf("%s on %s\n", arguments.files[0], collector->name);
  tri_program_show(&program, &params, stdout, &result);
  tri_program_free(&program);
  switch (result.status) {
  case TRI_RUN_OK:
    printf("%" PRIu64 " operations, %" PRIu64 " effective, %" PRIu64 " allocations, %" PRIu64
           " collections, %" PRIu64 " times out of memory\n",
           result.steps, result.effective, result.allocations, result.collections, result.out_of_memory);
    return 0;
  case TRI_RUN_NO_HEAP: printf("%s\n", result.message); return 0;
  case TRI_RUN_FINDING: printf("FINDING: %s\n", result.message); return 1;
  case TRI_RUN_BAD_OPTIONS: break;
  }
  tri_fail(&error, "%s", result.message);
  return bad(&command, &error);
}

// ---- replay ---------------------------------------------------------------------------------------------------

struct replay {
  const struct tri_collector *const *collectors; // NULL-terminated
  bool checked;
  enum tri_check check;
  struct tri_check_summary summary;
  const char *options, *fault; // or NULL
  uint64_t steps;
  FILE *print;
  unsigned files, runs, findings;
};

// The first run whose outcome every other one has to have.
struct reference {
  const char *collector; // NULL: none yet
  struct tri_run_result result;
};

static bool equal_outcome(const struct tri_run_result *a, const struct tri_run_result *b) {
  return a->graph_hash == b->graph_hash && a->objects == b->objects && a->allocations == b->allocations;
}

static void finding(struct replay *replay, const char *path, const char *collector, const char *text) {
  replay->findings++;
  char *command = tri_replay_command(collector, replay->fault, replay->options, replay->steps, path);
  printf("%s on %s: FINDING: %s\n  again: %s\n", path, collector, text, command);
  free(command);
}

static bool replay_on(struct replay *replay, const char *path, const struct tri_program *program,
                      const struct tri_collector *collector, struct reference *reference, struct tri_error *error) {
  struct tri_run_params params = {
      .collector = collector, .options = replay->options, .max_steps = replay->steps, .out = replay->print};
  struct tri_run_result result;
  struct tri_fault_record faulty;
  if (replay->fault &&
      !(params.collector = tri_fault_wrap(&faulty, collector, replay->fault, error->text, sizeof error->text)))
    return false;
  if (replay->print) printf("%s on %s\n", path, collector->name);
  if (replay->checked) tri_program_run_checked(program, &params, replay->check, &replay->summary, &result);
  else tri_program_run(program, &params, &result);
  replay->runs++;
  if (result.status == TRI_RUN_BAD_OPTIONS) return tri_fail(error, "collector '%s': %s", collector->name, result.message);
  if (result.status == TRI_RUN_FINDING) finding(replay, path, collector->name, result.message);
  if (result.status != TRI_RUN_OK || result.collector_dependent || !result.hashed) return true;
  if (!reference->collector) {
    *reference = (struct reference){collector->name, result};
  } else if (!equal_outcome(&reference->result, &result)) {
    char text[300];
    snprintf(text, sizeof text,
             "the outcome differs from %s: %" PRIu64 " of %" PRIu64 " objects reachable, graph %016" PRIx64
             "; there %" PRIu64 " of %" PRIu64 ", graph %016" PRIx64,
             reference->collector, result.objects, result.allocations, result.graph_hash,
             reference->result.objects, reference->result.allocations, reference->result.graph_hash);
    finding(replay, path, collector->name, text);
  }
  return true;
}

static bool replay_file(struct replay *replay, const char *path, struct tri_error *error) {
  struct tri_program program = {0};
  struct reference reference = {0};
  bool ok = tri_program_read(path, &program, error);
  replay->files++;
  for (const struct tri_collector *const *c = replay->collectors; ok && *c; c++)
    ok = replay_on(replay, path, &program, *c, &reference, error);
  tri_program_free(&program);
  return ok;
}

static bool choose_check(const char *word, bool *checked, enum tri_check *check, struct tri_error *error) {
  *checked = strcmp(word, "off") != 0;
  *check = strcmp(word, "gc") == 0 ? TRI_CHECK_GC : TRI_CHECK_END;
  if (!*checked || *check == TRI_CHECK_GC || strcmp(word, "end") == 0) return true;
  return tri_fail(error, "--check=%s: right would be gc, end or off", word);
}

int tri_command_replay(int argc, char **argv) {
  static const struct command command = {
      "replay", "coknf",
      "usage: tricolor replay [--collector=C|all] [--check=gc|end|off] [--fault=MODE[:K]] [-o KEY=VALUE,…] FILE|FOLDER…\n"
      "Runs heap programs on a collector, or on all of them with one outcome, and reports what is wrong.\n"
      "A folder means all programs below it, - the standard input. `print` prints when there is one program.\n"
      "  --collector=C     default all\n"
      "  --check=gc        with the shadow heap, compared at the end of every collection (default), or only at the\n"
      "                    end of the program, or off\n"
      "  --steps=N         how many operations loops may repeat in all (default 10000)\n"
      "  --fault=MODE[:K]  plant a fault for the oracle to find, see `tricolor list faults`\n"
      "  -o KEY=VALUE,…    options of the collector, see `tricolor list options`\n"};
  struct arguments arguments;
  struct tri_error error;
  struct tri_paths paths = {0};
  if (!parse(&command, argc, argv, &arguments, &error)) return bad(&command, &error);
  const struct tri_collector *one[2] = {0};
  struct replay replay = {.collectors = tri_collectors, .options = arguments.options, .fault = arguments.fault,
                          .steps = arguments.steps};
  if (!choose_check(arguments.check ? arguments.check : "gc", &replay.checked, &replay.check, &error))
    return bad(&command, &error);
  if (arguments.collector && strcmp(arguments.collector, "all") != 0) {
    if (!(one[0] = tri_collector_named(arguments.collector, &error))) return bad(&command, &error);
    replay.collectors = one;
  }
  bool ok = true;
  tri_poison_set_filling(replay.checked);
  for (int i = 0; ok && i < arguments.n_files; i++) ok = tri_program_files(arguments.files[i], &paths, &error);
  if (paths.count == 1) replay.print = stdout;
  for (size_t i = 0; ok && i < paths.count; i++) ok = replay_file(&replay, paths.paths[i], &error);
  tri_paths_free(&paths);
  if (!ok) return bad(&command, &error);
  if (replay.checked) tri_check_summary_print(stdout, &replay.summary);
  printf("%u programs, %u runs, %u findings\n", replay.files, replay.runs, replay.findings);
  return replay.findings ? 1 : 0;
}

// ---- record ---------------------------------------------------------------------------------------------------

// "gcbench, depth=8 array=5000 threads=1"
static char *describe(const struct tri_workload *workload, const int64_t *param) {
  char *text = tri_format("%s,", workload->name);
  for (size_t i = 0; i < workload->n_params; i++) {
    char *longer = tri_format("%s %s=%" PRId64, text, workload->params[i].name, param[i]);
    free(text);
    text = longer;
  }
  return text;
}

// Run the workload on a heap that records it.
static bool record(const struct arguments *arguments, struct tri_recording *recording, char **comment,
                   struct tri_error *error) {
  enum tri_size size = TRI_SIZE_TINY;
  if (!arguments->workload) return tri_fail(error, "--workload is missing; `tricolor list workloads` shows all");
  if (!arguments->out) return tri_fail(error, "--out is missing: where to write the program");
  const struct tri_workload *workload = tri_workload_named(arguments->workload, error);
  if (!workload || (arguments->size && !tri_workload_size_named(arguments->size, &size, error))) return false;
  int64_t param[TRI_MAX_PARAMS];
  for (size_t i = 0; i < workload->n_params; i++) param[i] = workload->params[i].value[size];
  for (int i = 0; i < arguments->n_params; i++)
    if (!tri_workload_set_param(workload, param, arguments->params[i], error)) return false;
  *comment = describe(workload, param);

  struct tri_shim_record shim;
  const struct tri_collector *inner = tri_collector_named("nocollect", error);
  if (!inner) return false;
  const struct tri_collector *collector = tri_record_wrap(&shim, inner, recording);
  struct tri_heap_params params = {.options = "heap=1g", .error = error->text, .error_bytes = sizeof error->text};
  struct tri_heap *heap;
  struct tri_mutator *m;
  if (tri_heap_create(collector, &params, &heap) != TRI_OK) return false;
  if (tri_attach(heap, &m) != TRI_OK) {
    tri_heap_destroy(heap);
    return tri_fail(error, "out of memory");
  }
  struct tri_answer answer = {0};
  enum tri_outcome outcome = workload->run(m, param, &answer);
  tri_detach(m);
  tri_heap_destroy(heap);
  if (recording->failure[0]) return tri_fail(error, "cannot record '%s': %s", workload->name, recording->failure);
  if (outcome != TRI_OUTCOME_OK) return tri_fail(error, "workload '%s' failed: %s", workload->name, answer.text);
  return true;
}

// Does the recording build the graph that the workload built?
static bool repeats(const struct tri_recording *recording, struct tri_error *error) {
  struct tri_run_params params = {.collector = tri_collector_find("nocollect")};
  struct tri_run_result result;
  tri_program_run(&recording->program, &params, &result);
  if (result.status == TRI_RUN_OK && result.hashed && result.shape_hash == recording->shape_hash &&
      result.objects == recording->objects)
    return true;
  return tri_fail(error, "the recording does not build the graph of the workload: %" PRIu64 " objects, not %" PRIu64 " %s",
                  result.objects, recording->objects, result.message);
}

// As text, with a comment on where it comes from, if the name ends in .thp; else as bytes.
static bool write_recording(const struct tri_program *program, const char *path, const char *comment,
                            struct tri_error *error) {
  struct tri_new_file file;
  size_t n = strlen(path);
  if (n < 4 || strcmp(path + n - 4, ".thp") != 0) return write_file(program, path, write_bytes, error);
  if (!tri_new_file_begin(&file, path, error)) return false;
  fprintf(file.stream, "# Recorded from the workload %s.\n", comment);
  tri_program_print(program, file.stream);
  return tri_new_file_commit(&file, error);
}

int tri_command_record(int argc, char **argv) {
  static const struct command command = {
      "record", "Owsp",
      "usage: tricolor record --workload=W [--size=tiny|ci|full] [--param=NAME=N] --out=FILE\n"
      "Runs a workload and writes what it did to the heap as a heap program: text if FILE ends in .thp, else bytes.\n"
      "Replays the program and compares the graphs before it is written.\n"
      "  --size=tiny       which set of parameters (default tiny)\n"
      "  --param=NAME=N    set one parameter of the workload; may be repeated\n"};
  struct arguments arguments;
  struct tri_error error;
  struct tri_recording recording = {0};
  if (!parse(&command, argc, argv, &arguments, &error)) return bad(&command, &error);
  if (arguments.n_files) {
    tri_fail(&error, "'%s' is not an option; see `tricolor record --help`", arguments.files[0]);
    return bad(&command, &error);
  }
  int status = 0;
  char *comment = NULL;
  if (!record(&arguments, &recording, &comment, &error)) {
    status = bad(&command, &error);
  } else if (!repeats(&recording, &error) || !write_recording(&recording.program, arguments.out, comment, &error)) {
    status = not_written(&command, &error);
  } else {
    printf("%s: %zu operations, %" PRIu64 " objects at the end, replays to the same graph\n", arguments.out,
           recording.program.count, recording.objects);
  }
  free(comment);
  tri_program_free(&recording.program);
  return status;
}
