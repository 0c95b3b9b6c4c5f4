#include "fibers.h"
#include <algorithm>
#include <cstring>
#include <random>
#include <sys/mman.h>
#ifndef __x86_64__
#include <map>
#include <ucontext.h>
#endif

namespace shim {

thread_local Thread *current;
thread_local const char *passed[SHIM_SITES];
thread_local uint64_t switches;

namespace {
constexpr size_t stack_bytes = 64 * 1024;
thread_local int planted;
thread_local uint64_t progress;
thread_local std::string failure;
thread_local const std::function<void()> *work;

// A fiber's stacks, kept for the next launch of this thread.
struct Stacks {
  std::vector<unsigned char *> all;
  ~Stacks() {
    for (auto *stack : all) munmap(stack, stack_bytes);
  }
  unsigned char *at(size_t index) {
    while (all.size() <= index) {
      void *memory = mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (memory == MAP_FAILED) std::abort();
      all.push_back(static_cast<unsigned char *>(memory));
    }
    return all[index];
  }
};
thread_local Stacks stacks;

[[noreturn]] void begin() {
  (*work)();
  current->done = true;
  progress++;
  for (;;) yield();
}

#ifdef __x86_64__
thread_local void *scheduler;
extern "C" void shim_switch(void **save, void *load);
// Callee-saved registers only: everything else is the caller's to save.
asm(R"(
.text
.globl shim_switch
shim_switch:
  pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
  ret
)");
void prepare(Thread &thread, unsigned char *stack) {
  auto **top = reinterpret_cast<void **>(stack + stack_bytes);
  *--top = nullptr;  // where begin's caller would be
  *--top = reinterpret_cast<void *>(&begin);
  for (int i = 0; i < 6; i++) *--top = nullptr;
  thread.stack_pointer = top;
}
void resume(Thread &thread) { shim_switch(&scheduler, thread.stack_pointer); }
void leave() { shim_switch(&current->stack_pointer, scheduler); }
#else
thread_local ucontext_t scheduler;
thread_local std::map<Thread *, ucontext_t> contexts;
ucontext_t &context(Thread &thread) { return contexts[&thread]; }
void prepare(Thread &thread, unsigned char *stack) {
  ucontext_t &c = context(thread);
  getcontext(&c);
  c.uc_stack.ss_sp = stack;
  c.uc_stack.ss_size = stack_bytes;
  c.uc_link = nullptr;
  makecontext(&c, reinterpret_cast<void (*)()>(&begin), 0);
}
void resume(Thread &thread) { swapcontext(&scheduler, &context(thread)); }
void leave() { swapcontext(&context(*current), &scheduler); }
#endif
}  // namespace

void yield() { leave(); }
void progressed() { progress++; }

void fail(const std::string &message) {
  if (failure.empty()) failure = message;
}

void wait(Barrier &barrier, int need, int site) {
  if (barrier.count == 0) barrier.site = site;
  else if (barrier.site != site) fail("threads wait at different barriers");
  uint64_t generation = barrier.generation;
  progress++;
  if (++barrier.count == need) {
    barrier.count = 0;
    barrier.generation++;
  } else {
    while (barrier.generation == generation) yield();
  }
}

bool is_planted(int site, const char *kind) {
  passed[site] = kind;
  return site == planted;
}

namespace {
// Gives the threads of a group their turns until all are done, in an order of its own.
//
// A shuffled schedule also starves some threads, warps or blocks: they get no turn while any other can go on, so that what runs ahead of
// them gets as far ahead as barriers allow. Whenever all others wait, the starved ones are drawn anew.
class Schedule {
 public:
  Schedule(std::vector<Thread> &threads, int blocks, std::mt19937_64 *random)
      : random(random), blocks(blocks), starves(threads.size()) {
    for (auto &thread : threads) order.push_back(&thread);
    first = order[0];
    draw();
  }

  void run() {
    while (left()) {
      uint64_t before = progress;
      if (random) std::shuffle(order.begin(), order.end(), *random);
      turns(false);
      if (!failure.empty()) return;
      if (progress > before) continue;
      turns(true);
      if (left() && progress == before) return fail("deadlock: " + std::to_string(left()) + " threads wait at a barrier");
      draw();
    }
  }

 private:
  std::vector<Thread *> order;
  Thread *first;
  std::mt19937_64 *random;
  int blocks;
  std::vector<bool> starves;

  long left() const {
    return std::count_if(order.begin(), order.end(), [](Thread *t) { return !t->done; });
  }
  void turns(bool starved) {
    for (auto *thread : order) {
      if (thread->done || starves[size_t(thread - first)] != starved) continue;
      current = thread;
      switches++;
      resume(*thread);
    }
  }
  void draw() {
    if (!random) return;
    uint64_t bits = (*random)(), mode = bits >> 62;
    size_t together = mode == 3 && blocks > 1 ? starves.size() / size_t(blocks) : 32;
    for (size_t i = 0; i < starves.size(); i++)
      starves[i] = mode == 0 ? false : mode == 1 ? (*random)() & 1 : bits >> (i / together % 62) & 1;
  }
};

// Blocks `first` and the next ones along x, each with memory of its own.
void run_group(const Shape &shape, int first, std::mt19937_64 *random) {
  const double guard = 4711.25;
  const size_t words = shape.shared / 8 + 2;
  Group group;
  group.grid_x = shape.grid_x;
  group.blocks.resize(size_t(shape.together));
  std::vector<double> shared(words * group.blocks.size());
  std::vector<Thread> threads;
  for (int i = 0; i < shape.together; i++) {
    Block &block = group.blocks[size_t(i)];
    block.x = (first + i) % shape.grid_x;
    block.y = (first + i) / shape.grid_x;
    block.threads = shape.threads;
    block.group = &group;
    double *memory = &shared[words * size_t(i)];
    block.shared = reinterpret_cast<unsigned char *>(memory);
    std::memset(memory, 0xff, shape.shared);
    memory[words - 1] = guard;
    for (int k = 0; k < shape.threads; k++) threads.push_back(Thread{k, &block, nullptr, false, 0});
  }
  for (size_t i = 0; i < threads.size(); i++) prepare(threads[i], stacks.at(i));
  Schedule(threads, shape.together, random).run();
  for (size_t i = 1; i <= group.blocks.size(); i++)
    if (shared[words * i - 1] != guard) fail("written behind the end of shared memory");
}
}  // namespace

long long index(int site) {
  long long value = (long long)current->block->x * current->block->threads + current->thread;
  return is_planted(site, "index") ? value + 1 : value;
}

void barrier(int site) {
  if (!is_planted(site, "barrier")) wait(current->block->barrier, current->block->threads, site);
}

// A planted one only waits for its own block.
void group_barrier(int site) {
  Block &block = *current->block;
  if (is_planted(site, "group barrier")) wait(block.barrier, block.threads, site);
  else wait(block.group->barrier, block.threads * int(block.group->blocks.size()), site);
}

void exchange(int site, const void *value, void *result, size_t bytes, int lane) {
  Warp &warp = current->block->warps[current->thread / 32];
  std::memcpy(warp.values[current->thread % 32], value, bytes);
  wait(warp.barrier, 32, site);
  bool own = is_planted(site, "shuffle") || lane > 31;
  std::memcpy(result, own ? value : warp.values[lane], bytes);
  wait(warp.barrier, 32, site);
}

std::string run(const Shape &shape, const std::function<void()> &body) {
  failure.clear();
  work = &body;
  planted = shape.planted;
  std::memset(passed, 0, sizeof passed);
  if (shape.threads < 1 || shape.threads > 1024) return "a block has 1 to 1024 threads";
  if (shape.shared > 227 * 1024) return "a block has at most 227 KiB of shared memory";
  int all = shape.grid_x * shape.grid_y;
  if (shape.together < 1 || all % shape.together || (shape.together < all && shape.grid_x % shape.together))
    return "the grid is not made of whole groups";
  std::mt19937_64 random(shape.seed);
  std::vector<int> groups;
  for (int first = 0; first < all; first += shape.together) groups.push_back(first);
  if (shape.seed) std::shuffle(groups.begin(), groups.end(), random);
  for (int first : groups) {
    run_group(shape, first, shape.seed ? &random : nullptr);
    if (!failure.empty()) break;
  }
  return failure;
}

}  // namespace shim
