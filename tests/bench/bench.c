/* Runs measures: ours and a baseline in turn, medians, a ratio against the goal; a line or a JSON
 * object each. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUNS 5

static const bench_measure *const families[] = {
    bench_startup_measures, bench_handle_measures,  bench_buffer_measures,
    bench_upload_measures,  bench_texture_measures,
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
  double scale = strcmp(measure->unit, "ns") == 0 ? 1e9 : 1e3;
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

static void run_measure(const bench_measure *measure, bool is_json) {
  bench bench = {.measure = measure, .count = 1};
  bench_check(rg_engine_create(&(rg_engine_desc){.label = "bench"}, &bench.engine), "engine");
  rg_engine_get_vk(bench.engine, &bench.vk);
  if (measure->setup && !measure->setup(&bench)) {
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
  if (measure->teardown) {
    measure->teardown(&bench);
  }
  rg_engine_destroy(bench.engine);
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
        run_measure(measure, is_json);
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
