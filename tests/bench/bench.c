/* Runs measures: ours and a baseline in turn, medians, a ratio against the goal; a line or a JSON
 * object each. */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE

#include "bench.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RUNS 5

static const bench_measure *const families[] = {
    bench_startup_measures, bench_handle_measures, bench_buffer_measures,  bench_range_measures,
    bench_memory_measures,  bench_upload_measures, bench_texture_measures,
};

void bench_check(rg_result result, const char *what) {
  if (result != RG_OK) {
    fprintf(stderr, "bench: %s: %s: %s\n", what, rg_result_name(result), rg_error());
    exit(1);
  }
}

void *bench_alloc(size_t size) {
  void *block = malloc(size);
  if (!block) {
    fprintf(stderr, "bench: %zu bytes could not be had\n", size);
    exit(1);
  }
  memset(block, 1, size);
  return block;
}

double bench_now(void) {
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* xorshift64*: good enough to shuffle. */
uint64_t bench_random(uint64_t *state) {
  uint64_t x = *state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return x * 0x2545f4914f6cdd1dull;
}

static int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, int count) {
  qsort(values, (size_t)count, sizeof *values, compare_doubles);
  return values[count / 2];
}

static void report(const bench *bench, double ours, double baseline, bool is_json) {
  const bench_measure *measure = bench->measure;
  rg_device_info device;
  rg_engine_get_device(bench->engine, &device);
  double scale = strcmp(measure->unit, "ns") == 0   ? 1e9
                 : strcmp(measure->unit, "ms") == 0 ? 1e3
                                                    : 1;
  ours *= scale / (double)bench->count;
  baseline *= scale / (double)bench->count;
  double ratio = ours / baseline;
  if (is_json) {
    printf(
        "{\"measure\": \"%s\", \"unit\": \"%s\", \"ours\": %.4g, \"baseline\": %.4g, \"ratio\": "
        "%.4g, "
        "\"goal\": %.4g, \"device\": \"%s\", \"runs\": %d}\n",
        measure->name, measure->unit, ours, baseline, ratio, measure->goal, device.name, RUNS);
  } else {
    printf("%-26s %10.4g %s  baseline %10.4g %s  ratio %7.3f  goal %6.3f  %s\n", measure->name,
           ours, measure->unit, baseline, measure->unit, ratio, measure->goal,
           ratio <= measure->goal ? "reached" : "missed");
  }
  fflush(stdout);
}

/* False: not on this device. */
static bool bench_begin(bench *bench, const bench_measure *measure) {
  *bench = (struct bench){.measure = measure, .count = 1};
  bench_check(rg_engine_create(&(rg_engine_desc){.label = "bench"}, &bench->engine), "engine");
  rg_engine_get_vk(bench->engine, &bench->vk);
  return !measure->setup || measure->setup(bench);
}

static void bench_end(bench *bench) {
  if (bench->measure->teardown) {
    bench->measure->teardown(bench);
  }
  rg_engine_destroy(bench->engine);
}

/* ---- Runs in processes of their own -------------------------------------------------------- */

/* In the child: one run, told to the parent. */
static int run_first(const bench_measure *measure, bool is_ours) {
  bench bench;
  if (!bench_begin(&bench, measure)) {
    return 3;
  }
  double seconds = is_ours ? measure->ours(&bench) : measure->baseline(&bench);
  printf("%.9g %llu\n", seconds, (unsigned long long)bench.count);
  bench_end(&bench);
  return 0;
}

/* False: not on this device. */
static bool run_child(const bench_measure *measure, bool is_ours, double *seconds,
                      uint64_t *count) {
  char self[PATH_MAX], command[PATH_MAX + 128];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  self[length < 0 ? 0 : length] = '\0';
  snprintf(command, sizeof command, "'%s' --first=%s %s", self, is_ours ? "ours" : "baseline",
           measure->name);
  FILE *child = popen(command, "r");
  unsigned long long operations = 0;
  bool is_told = child && fscanf(child, "%lf %llu", seconds, &operations) == 2;
  *count = operations;
  return child && pclose(child) == 0 && is_told;
}

static void run_measure_first(const bench_measure *measure, bool is_json) {
  double ours[RUNS], baseline[RUNS];
  uint64_t count = 1;
  for (int run = 0; run < RUNS; run++) {
    if (!run_child(measure, true, &ours[run], &count) ||
        !run_child(measure, false, &baseline[run], &count)) {
      fprintf(stderr, "bench: %s: not on this device\n", measure->name);
      return;
    }
  }
  bench bench = {.measure = measure, .count = count};
  bench_check(rg_engine_create(&(rg_engine_desc){.label = "bench"}, &bench.engine), "engine");
  report(&bench, median(ours, RUNS), median(baseline, RUNS), is_json);
  rg_engine_destroy(bench.engine);
}

/* ---- Runs in turn in one process ----------------------------------------------------------- */

static void run_measure(const bench_measure *measure, bool is_json) {
  bench bench;
  if (!bench_begin(&bench, measure)) {
    fprintf(stderr, "bench: %s: not on this device\n", measure->name);
    rg_engine_destroy(bench.engine);
    return;
  }
  double ours[RUNS], baseline[RUNS];
  for (int run = 0; run < RUNS; run++) {
    ours[run] = measure->ours(&bench);
    baseline[run] = measure->baseline(&bench);
  }
  report(&bench, median(ours, RUNS), median(baseline, RUNS), is_json);
  bench_end(&bench);
}

/* ---- The command line ---------------------------------------------------------------------- */

static const bench_measure *measure_find(const char *name) {
  for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
    for (const bench_measure *measure = families[i]; measure->name; measure++) {
      if (strcmp(measure->name, name) == 0) {
        return measure;
      }
    }
  }
  return NULL;
}

/* Whether no names were given, or this one, or the beginning of it. */
static bool is_wanted(const char *name, int argc, char **argv) {
  bool any = false;
  for (int i = 1; i < argc; i++) {
    if (argv[i][0] != '-') {
      any = true;
      if (strncmp(name, argv[i], strlen(argv[i])) == 0) {
        return true;
      }
    }
  }
  return !any;
}

int main(int argc, char **argv) {
  bool is_json = false;
  if (argc == 3 && strncmp(argv[1], "--first=", 8) == 0 && measure_find(argv[2])) {
    return run_first(measure_find(argv[2]), strcmp(argv[1], "--first=ours") == 0);
  }
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0) {
      is_json = true;
    } else if (argv[i][0] == '-') {
      fprintf(stderr, "usage: rg_bench [--json] [MEASURE...]\n");
      return 2;
    }
  }
  bool ran = false;
  for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
    for (const bench_measure *measure = families[i]; measure->name; measure++) {
      if (is_wanted(measure->name, argc, argv)) {
        measure->is_first ? run_measure_first(measure, is_json) : run_measure(measure, is_json);
        ran = true;
      }
    }
  }
  if (!ran) {
    fprintf(stderr, "bench: no measure of that name\n");
    return 2;
  }
  return 0;
}
