// bench as a user sees it: exit statuses, messages, and what stands in the series, also after it was killed.
// Run with FAKE_RUN naming the stand-in for `tricolor run`. Called as `test bench …` this program is bench.
#include "measure/bench.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "measure/file.h"
#include "measure/series.h"

enum { SKIPPED = 77 };

static const char *const collectors[] = {"steady", "other", "oom",    "wrong", "crash",       "mute",
                                         "vague",  "stuck", "refuse", "liar",  "unsupported", "garbled"};
static const char *const workloads[] = {"trees", "lists"};

static char *directory;
static char *out_path, *stdout_path, *stderr_path, *pid_path;
static char text[1 << 16]; // what expect_output last read

static void read_file(const char *path) {
  FILE *file = fopen(path, "r");
  size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
  text[length] = '\0';
  if (file) fclose(file);
}

static void expect_in(const char *path, const char *part) {
  read_file(path);
  if (!strstr(text, part)) fprintf(stderr, "not found: %s\nin %s: %s\n", part, path, text);
  TRI_CHECK(strstr(text, part) != NULL);
}

enum { MOST_ARGUMENTS = 16 };

// Starts `test bench --out=… <arguments>`; a NULL ends them.
static pid_t start_bench(const char *const *arguments) {
  const char *all[MOST_ARGUMENTS + 4] = {"/proc/self/exe", "bench"};
  char *out = tri_format("--out=%s", out_path);
  size_t count = 2;
  all[count++] = out;
  for (; *arguments; arguments++) {
    TRI_CHECK_LT(count, MOST_ARGUMENTS);
    all[count++] = *arguments;
  }
  fflush(NULL);
  pid_t child = fork();
  TRI_CHECK_GE(child, 0);
  if (child == 0) {
    dup2(open(stdout_path, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
    dup2(open(stderr_path, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
    execv(all[0], (char *const *)(uintptr_t)all);
    _exit(127);
  }
  free(out);
  return child;
}

static int wait_for(pid_t child) {
  int status;
  TRI_CHECK_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#define BENCH(...) run_bench((const char *const[]){__VA_ARGS__, NULL})
static int run_bench(const char *const *arguments) { return wait_for(start_bench(arguments)); }

static void expect_exit(int found, int expected) {
  if (found != expected) {
    read_file(stderr_path);
    fputs(text, stderr);
  }
  TRI_CHECK_EQ(found, expected);
}

static struct tri_series load(void) {
  struct tri_series series;
  struct tri_error error;
  bool loaded = tri_series_load(&series, out_path, &error);
  if (!loaded) fputs(error.text, stderr);
  TRI_CHECK(loaded);
  return series;
}

static size_t samples_of(const struct tri_series *series, size_t cell) {
  size_t count = 0;
  for (size_t i = 0; i < series->sample_count; i++) count += series->samples[i].cell == cell;
  return count;
}

static void check_good_run(void) {
  expect_exit(BENCH("--collector=steady,other", "--heap=32m,64m", "--runs=3", "--seed=5", "--size=tiny", "-o",
                    "workers=2", "-o", "gogc=50"),
              0);
  expect_in(stdout_path, "workload  collector  heap  n");
  expect_in(stdout_path, "40.0 MiB");
  expect_in(stdout_path, "2.50 ms");
  expect_in(stdout_path, "24 samples of 8 cells, seed 5");
  expect_in(stderr_path, "round 3 of 3: 24 samples after ");

  struct tri_series series = load();
  TRI_CHECK(series.complete);
  TRI_CHECK_EQ(series.cell_count, 8);
  TRI_CHECK_EQ(series.sample_count, 24);
  TRI_CHECK_EQ(series.seed, 5);
  TRI_CHECK_STR(series.size, "tiny");
  TRI_CHECK_EQ(strncmp(series.stopwatch, "hyperfine ", 10), 0);
  TRI_CHECK_STR(series.cells[0].id, "trees/steady/heap:32m");
  TRI_CHECK_STR(series.cells[7].id, "lists/other/heap:64m");
  TRI_CHECK_EQ(json_array_size(series.options), 2);
  TRI_CHECK(strstr(series.cells[0].command,
                   " run --workload=trees --collector=steady --heap=32m --size=tiny -o workers=2,gogc=50"));
  TRI_CHECK(!strstr(series.cells[0].command, "--result"));
  bool reordered = false;
  for (size_t i = 0; i < 24; i++) {
    const struct tri_sample *sample = &series.samples[i];
    TRI_CHECK_EQ(sample->slot, i); // every slot was used, in order
    TRI_CHECK_EQ(sample->round, i / 8);
    TRI_CHECK_EQ(sample->status, TRI_CELL_OK);
    TRI_CHECK_GE(sample->reading.wall_ns, 1);
    reordered |= sample->cell != i % 8;
  }
  TRI_CHECK(reordered);
  for (size_t cell = 0; cell < 8; cell++) TRI_CHECK_EQ(samples_of(&series, cell), 3);
  // What the process was told and what it said is all there, except what the cell knows.
  json_t *process = series.samples[0].process, *arguments = json_object_get(process, "arguments");
  TRI_CHECK_EQ(json_integer_value(json_object_get(process, "answer")), 42);
  TRI_CHECK(!json_object_get(process, "status") && !json_object_get(process, "workload"));
  TRI_CHECK_STR(json_string_value(json_array_get(arguments, 0)), "run");
  TRI_CHECK_STR(json_string_value(json_array_get(arguments, 5)), "-o");
  TRI_CHECK_STR(json_string_value(json_array_get(arguments, 6)), "workers=2,gogc=50");
  TRI_CHECK_EQ(strncmp(json_string_value(json_array_get(arguments, 7)), "--result=", 9), 0);
  size_t order[24];
  for (size_t i = 0; i < 24; i++) order[i] = series.samples[i].cell;
  tri_series_free(&series);

  // The same seed gives the same order again; an existing file is not replaced unasked.
  const char *const again[] = {
      "--collector=steady,other", "--heap=32m,64m", "--runs=3", "--seed=5", "--quiet", NULL, NULL};
  expect_exit(run_bench(again), 2);
  expect_in(stderr_path, "the file exists; choose another name, or give --force");
  const char *const forced[] = {
      "--collector=steady,other", "--heap=32m,64m", "--runs=3", "--seed=5", "--quiet", "--force", NULL};
  expect_exit(run_bench(forced), 0);
  read_file(stderr_path);
  TRI_CHECK_STR(text, "");
  series = load();
  for (size_t i = 0; i < 24; i++) TRI_CHECK_EQ(series.samples[i].cell, order[i]);
  tri_series_free(&series);
}

// One cell that ends as its name says, beside a steady one.
static void check_ending(const char *collector, int exit_status, enum tri_cell_status status,
                         const char *message) {
  char *list = tri_format("--collector=%s,steady", collector);
  expect_exit(BENCH("--force", "--workload=trees", "--runs=3", "--timeout=20", list), exit_status);
  struct tri_series series = load();
  TRI_CHECK(series.complete);
  TRI_CHECK_EQ(series.cells[0].status, status);
  if (!strstr(series.cells[0].message, message)) fputs(series.cells[0].message, stderr);
  TRI_CHECK(strstr(series.cells[0].message, message) != NULL);
  TRI_CHECK_EQ(samples_of(&series, 0), 1); // such a cell is not tried again
  TRI_CHECK_EQ(series.cells[1].status, TRI_CELL_OK);
  TRI_CHECK_EQ(samples_of(&series, 1), 3);
  if (status == TRI_CELL_WRONG || status == TRI_CELL_FAILED) {
    char *named = tri_format("trees/%s/heap:64m: %s: ", collector,
                             status == TRI_CELL_WRONG ? "wrong answer" : "failed");
    expect_in(stderr_path, named);
    expect_in(stderr_path, series.cells[0].command);
    expect_in(stderr_path, message);
    free(named);
  }
  tri_series_free(&series);
  free(list);
}

static void check_endings(void) {
  check_ending("oom", 0, TRI_CELL_OUT_OF_MEMORY, "no room for the tree");
  expect_in(stdout_path, "out of memory");
  check_ending("wrong", 1, TRI_CELL_WRONG, "2 trees, not 3");
  expect_in(stdout_path, "WRONG ANSWER");
  check_ending("crash", 1, TRI_CELL_FAILED, "ended by signal 9 (Killed)");
  check_ending("liar", 1, TRI_CELL_FAILED, "exit status 5 after a result of \"ok\"");
  check_ending("mute", 1, TRI_CELL_FAILED, "it left no result");
  check_ending("garbled", 1, TRI_CELL_FAILED, "its result is not a JSON object");
  check_ending("vague", 1, TRI_CELL_FAILED, "its result has no known \"status\"");
  check_ending("refuse", 2, TRI_CELL_FAILED, "exit status 2: fake: workers=99 is out of range");
  check_ending("unsupported", 0, TRI_CELL_SKIPPED, "no weak references");
  expect_in(stderr_path, "trees/unsupported/heap:64m: skipped: no weak references");
}

// Peers are programs in a folder beside the one that is measured, and told what it is told.
static void check_peers(void) {
  char *fake = tri_format("%s", getenv("FAKE_RUN")), *program = tri_format("%s/run", directory),
       *folder = tri_format("%s/peers", directory), *peer = tri_format("%s/pike", folder);
  TRI_CHECK_EQ(symlink(fake, program), 0);
  TRI_CHECK_EQ(mkdir(folder, 0700), 0);
  setenv("FAKE_RUN", program, 1);
  expect_exit(BENCH("--force", "--collector=peer:pike"), 2);
  expect_in(stderr_path, "unknown peer 'pike': none are in ");
  TRI_CHECK_EQ(symlink(fake, peer), 0);
  expect_exit(BENCH("--force", "--collector=steady,peer:pyke"), 2);
  expect_in(stderr_path, "unknown peer 'pyke': pike are in ");
  expect_exit(BENCH("--force", "--collector=peer:../run"), 2);
  expect_exit(BENCH("--force", "--collector=peer:"), 2);

  expect_exit(BENCH("--force", "--collector=peer:pike,steady", "--workload=trees", "--runs=2"), 0);
  expect_in(stdout_path, "peer:pike");
  struct tri_series series = load();
  TRI_CHECK_STR(series.cells[0].id, "trees/peer:pike/heap:64m");
  TRI_CHECK_STR(series.cells[0].collector, "peer:pike");
  TRI_CHECK_EQ(strncmp(series.cells[0].command, peer, strlen(peer)), 0);
  TRI_CHECK_EQ(strncmp(series.cells[1].command, program, strlen(program)), 0);
  TRI_CHECK(strstr(series.cells[0].command, " run --workload=trees --collector=peer:pike --heap=64m --size=ci"));
  TRI_CHECK_EQ(series.cells[0].status, TRI_CELL_OK);
  TRI_CHECK_EQ(samples_of(&series, 0), 2);
  tri_series_free(&series);

  setenv("FAKE_RUN", fake, 1);
  TRI_CHECK_EQ(unlink(peer), 0);
  TRI_CHECK_EQ(unlink(program), 0);
  TRI_CHECK_EQ(rmdir(folder), 0);
  free(fake);
  free(program);
  free(folder);
  free(peer);
}

static void check_timeout(void) {
  expect_exit(BENCH("--force", "--workload=trees", "--collector=stuck,steady", "--runs=2", "--timeout=1"), 1);
  struct tri_series series = load();
  TRI_CHECK_EQ(series.cells[0].status, TRI_CELL_FAILED);
  TRI_CHECK_STR(series.cells[0].message, "no end after 1 s");
  TRI_CHECK_EQ(samples_of(&series, 0), 0); // no time was read, so there is no sample
  TRI_CHECK_EQ(samples_of(&series, 1), 2);
  tri_series_free(&series);
  unlink(pid_path);
}

// With no cell left there is nothing to wait for, however many runs were asked for.
static void check_nothing_left(void) {
  expect_exit(BENCH("--force", "--workload=trees", "--collector=oom", "--runs=1000000"), 0);
  expect_in(stdout_path, "1 sample of 1 cell, seed ");
  expect_in(stderr_path, "round 1 of 1000000: 1 samples");
  TRI_CHECK(!strstr(text, "round 2 of"));
}

static void check_bad_input(void) {
  static const struct {
    const char *argument, *complaint;
  } cases[] = {
      {"--collector=stedy", "unknown collector 'stedy'; did you mean 'steady'?"},
      {"--collector=zgc", "unknown collector 'zgc'; `tricolor list collectors` shows all"},
      {"--workload=tree", "unknown workload 'tree'; did you mean 'trees'?"},
      {"--workload=trees,lists,trees", "--workload: 'trees' stands in the list twice"},
      {"--collector=steady,", "--collector: there is an empty word in the list"},
      {"--heap=2x", "--heap=2x: a factor needs the workload's minimum heap"},
      {"--heap=1.5x", "--heap=1.5x: a factor needs"},
      {"--heap=64q", "--heap=64q: right would be a size such as 64m"},
      {"--heap=0", "--heap=0: right would be a size"},
      {"--runs=0", "--runs=0: right would be a number from 1 to 1000000"},
      {"--runs=many", "--runs=many: right would be a number"},
      {"--seed=99999999999999999999", "--seed=99999999999999999999: right would be a number from 0"},
      {"--size=big", "--size=big: right would be tiny, ci or full"},
      {"--pairs=3", "unknown option '--pairs=3'"},
      {"--runs", "--runs needs a value"},
      {"extra", "'extra' is not an option"},
  };
  unlink(out_path);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    expect_exit(BENCH(cases[i].argument), 2);
    expect_in(stderr_path, "tricolor bench: ");
    expect_in(stderr_path, cases[i].complaint);
    TRI_CHECK(access(out_path, F_OK) != 0);
  }
  expect_exit(BENCH("--help"), 0);
  expect_in(stdout_path, "usage: tricolor bench");

  expect_exit(BENCH("--out=/no/such/folder/x.json", "--runs=1"), 3);
  expect_in(stderr_path, "/no/such/folder/x.json: cannot be written: No such file or directory");
}

static void check_missing_hyperfine(void) {
  char *path = tri_format("%s", getenv("PATH"));
  setenv("PATH", "/nonexistent", 1);
  expect_exit(BENCH("--runs=1"), 3);
  expect_in(stderr_path, "apt-get install hyperfine");
  setenv("PATH", path, 1);
  free(path);
}

// What cannot be started is no finding about a collector.
static void check_missing_program(void) {
  char *fake = tri_format("%s", getenv("FAKE_RUN"));
  setenv("FAKE_RUN", "/no/such/tricolor", 1);
  expect_exit(BENCH("--force", "--runs=1"), 3);
  expect_in(stderr_path, "/no/such/tricolor");
  struct tri_series series = load();
  TRI_CHECK(!series.complete);
  TRI_CHECK_EQ(series.sample_count, 0);
  tri_series_free(&series);
  setenv("FAKE_RUN", fake, 1);
  free(fake);
}

// Lets bench run until at least `wanted` samples are in the file.
static void wait_for_samples(pid_t child, size_t wanted) {
  for (size_t seen = 0; seen < wanted;) {
    TRI_CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
    usleep(20000);
    if (access(out_path, F_OK) != 0) continue;
    struct tri_series series = load(); // readable at each moment
    seen = series.sample_count;
    tri_series_free(&series);
  }
}

static void check_killed(void) {
  unlink(out_path);
  pid_t child = start_bench((const char *const[]){"--collector=steady,other", "--runs=100000", NULL});
  wait_for_samples(child, 8);
  kill(child, SIGKILL);
  TRI_CHECK_EQ(wait_for(child), 128 + SIGKILL);
  struct tri_series series = load();
  TRI_CHECK_GE(series.sample_count, 8);
  TRI_CHECK(!series.complete);
  TRI_CHECK_EQ(series.runs, 100000);
  tri_series_free(&series);
}

static void check_interrupted(int signal) {
  unlink(out_path);
  pid_t child = start_bench((const char *const[]){"--collector=steady,other", "--runs=100000", NULL});
  wait_for_samples(child, 8);
  kill(child, signal);
  expect_exit(wait_for(child), 3);
  struct tri_series series = load();
  TRI_CHECK_GE(series.sample_count, 8);
  TRI_CHECK(!series.complete);
  char *sentence = tri_format("interrupted; %zu of 400000 samples are in %s", series.sample_count, out_path);
  expect_in(stderr_path, sentence);
  expect_in(stdout_path, "lists     steady      64m");
  free(sentence);
  tri_series_free(&series);
}

// A sample that hangs is ended with the rest, and does not count.
static void check_interrupted_hang(void) {
  unlink(out_path);
  pid_t child =
      start_bench((const char *const[]){"--collector=stuck", "--workload=trees", "--timeout=0", NULL});
  do {
    usleep(20000);
    read_file(pid_path);
  } while (!strchr(text, '\n'));
  char *stat_path = tri_format("/proc/%ld/stat", strtol(text, NULL, 10));
  kill(child, SIGTERM);
  expect_exit(wait_for(child), 3);
  for (;;) { // gone, or a zombie that init has yet to reap
    read_file(stat_path);
    if (!*text || strstr(text, ") Z") || strstr(text, ") X")) break;
    usleep(1000);
  }
  struct tri_series series = load();
  TRI_CHECK_EQ(series.sample_count, 0);
  tri_series_free(&series);
  expect_in(stderr_path, "interrupted; 0 of 12 samples are in ");
  expect_in(stdout_path, "not measured");
  unlink(pid_path);
  free(stat_path);
}

// On a terminal there is one line that is written over.
static void check_terminal(void) {
  int terminal;
  fflush(NULL);
  pid_t child = forkpty(&terminal, NULL, NULL, NULL);
  TRI_CHECK_GE(child, 0);
  if (child == 0) {
    char *out = tri_format("--out=%s", out_path);
    execl("/proc/self/exe", "test", "bench", "--force", "--workload=trees", "--collector=steady", "--runs=2",
          out, (char *)NULL);
    _exit(127);
  }
  size_t used = 0;
  for (ssize_t count;
       used < sizeof text - 1 && (count = read(terminal, text + used, sizeof text - 1 - used)) > 0;)
    used += (size_t)count;
  text[used] = '\0';
  TRI_CHECK_EQ(wait_for(child), 0);
  close(terminal);
  TRI_CHECK(strstr(text, "\r\033[K[1/2] trees/steady/heap:64m") != NULL);
  TRI_CHECK(strstr(text, "\r\033[K[2/2] trees/steady/heap:64m, about ") != NULL);
  TRI_CHECK(!strstr(text, "round 1 of"));
}

static bool hyperfine_is_installed(void) { return system("hyperfine --version >/dev/null 2>&1") == 0; }

int main(int argc, char **argv) {
  const struct tri_bench_options options = {
      .executable = getenv("FAKE_RUN"),
      .collectors = {collectors, sizeof collectors / sizeof *collectors},
      .workloads = {workloads, sizeof workloads / sizeof *workloads},
  };
  if (argc > 1 && strcmp(argv[1], "bench") == 0) return tri_bench(&options, argc - 1, argv + 1);
  TRI_CHECK(options.executable != NULL);

  directory = tri_temporary_folder("test-bench", &(struct tri_error){{0}});
  TRI_CHECK(directory != NULL);
  setenv("TMPDIR", directory, 1);
  out_path = tri_format("%s/series.json", directory);
  stdout_path = tri_format("%s/stdout", directory);
  stderr_path = tri_format("%s/stderr", directory);
  pid_path = tri_format("%s/pid", directory);
  setenv("FAKE_RUN_PID", pid_path, 1);

  check_missing_hyperfine();
  bool installed = hyperfine_is_installed();
  if (installed) {
    check_bad_input();
    check_good_run();
    check_endings();
    check_peers();
    check_nothing_left();
    check_timeout();
    check_missing_program();
    check_interrupted(SIGINT);
    check_interrupted(SIGTERM);
    check_interrupted_hang();
    check_terminal();
    unlink(out_path);
    unlink(stdout_path);
    unlink(stderr_path);
    TRI_CHECK_EQ(rmdir(directory), 0); // bench leaves nothing behind, unless it was killed
    TRI_CHECK_EQ(mkdir(directory, 0700), 0);
    check_killed();
  } else {
    puts("skipped: hyperfine is not installed (apt-get install hyperfine)");
  }
  tri_remove_folder(directory);
  free(directory);
  free(out_path);
  free(stdout_path);
  free(stderr_path);
  free(pid_path);
  return installed ? 0 : SKIPPED;
}
