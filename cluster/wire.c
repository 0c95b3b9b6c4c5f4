// wire NAME COUNT DELAY RATE: a network between the namespaces NAME-1 … NAME-COUNT, for kernels that can't delay packets.
//
// Each host has a device eth0 on a link of its own to a switch. DELAY is one way from host to host, in microseconds; RATE is each link's
// and each direction's, in megabits a second. Frames wait in the memory of this program, which shares the machine's processors with what it carries:
// bytes are exact, times are as good as the machine is idle. Frames that only acknowledge don't wait behind others, as before a device whose queue lets
// small flows pass: behind a message's bytes they would come so late that TCP takes what they are for as lost. Says "ready" once all devices are
// there, and runs until it is ended.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { MOST_HOSTS = 200, LONGEST_FRAME = 1 << 16, AT_ONCE = 16 };

struct frame {
  int64_t arrival;
  int length;
  struct frame *next;
  unsigned char bytes[];
};

struct queue {
  struct frame *first, **end;
};

struct host {
  int device;
  // When the last frame has left on the way to the switch, and on the way from it, in nanoseconds.
  int64_t sent, received;
  struct queue frames, acknowledgements;
};

static struct host hosts[MOST_HOSTS];
static int count;
static int64_t delay;
static double nanoseconds_per_byte;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

static void fail(const char *what) {
  fprintf(stderr, "wire: %s: %s\n", what, strerror(errno));
  exit(71);
}

static void open_device(struct host *host, const char *name, int number) {
  char path[256];
  snprintf(path, sizeof path, "/run/netns/%s-%d", name, number);
  int space = open(path, O_RDONLY);
  if (space < 0 || setns(space, CLONE_NEWNET) != 0) fail(path);
  close(space);
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  strcpy(request.ifr_name, "eth0");
  host->device = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (host->device < 0 || ioctl(host->device, TUNSETIFF, &request) != 0) fail("/dev/net/tun");
  host->frames.end = &host->frames.first;
  host->acknowledgements.end = &host->acknowledgements.first;
}

// The number of the host that a frame is for, by its address 02:00:00:00:XX:XX; -1 for all.
static int target(const unsigned char *frame) { return frame[0] & 1 ? -1 : frame[4] * 256 + frame[5] - 1; }

// Whether a frame is a segment of TCP over IPv4 that acknowledges and has no bytes.
static int only_acknowledges(const unsigned char *frame, int length) {
  const unsigned char *ip = frame + 14;
  if (length < 54 || frame[12] != 8 || frame[13] != 0 || ip[9] != 6) return 0;
  int head = (ip[0] & 15) * 4;
  const unsigned char *tcp = ip + head;
  return 14 + head + 20 <= length && tcp[13] == 16 && ip[2] * 256 + ip[3] == head + (tcp[12] >> 4) * 4;
}

static void put(struct host *host, int64_t leaves_switch, const unsigned char *bytes, int length, int64_t takes) {
  struct frame *frame = malloc(sizeof *frame + length);
  if (frame == NULL) fail("memory");
  int waits = !only_acknowledges(bytes, length);
  host->received = later(host->received, leaves_switch - takes) + takes;
  frame->arrival = waits ? host->received : leaves_switch;
  frame->length = length;
  memcpy(frame->bytes, bytes, length);
  struct queue *queue = waits ? &host->frames : &host->acknowledgements;
  frame->next = NULL;
  *queue->end = frame;
  queue->end = &frame->next;
}

// Takes frames that a host sends; whether there were any.
static int take(int from) {
  static unsigned char bytes[LONGEST_FRAME];
  int taken = 0;
  for (; taken < AT_ONCE; taken++) {
    int length = read(hosts[from].device, bytes, sizeof bytes);
    if (length <= 0) break;
    // What a frame has around it on Ethernet.
    int64_t takes = (length + 24) * nanoseconds_per_byte;
    int64_t begin = now();
    hosts[from].sent = later(hosts[from].sent, begin) + takes;
    int64_t leaves = only_acknowledges(bytes, length) ? begin + takes : hosts[from].sent;
    int to = target(bytes);
    for (int i = 0; i < count; i++)
      if (i != from && (to == i || to < 0)) put(&hosts[i], leaves + delay, bytes, length, takes);
  }
  return taken > 0;
}

// Gives a host the frames of a queue that have arrived; when the next one does.
static int64_t give_from(int device, struct queue *queue) {
  while (queue->first != NULL && queue->first->arrival <= now()) {
    struct frame *frame = queue->first;
    // A host whose device is down loses them.
    if (write(device, frame->bytes, frame->length) < 0 && errno == EAGAIN) break;
    queue->first = frame->next;
    if (queue->first == NULL) queue->end = &queue->first;
    free(frame);
  }
  return queue->first == NULL ? INT64_MAX : queue->first->arrival;
}

static int64_t give(struct host *host) {
  int64_t acknowledgement = give_from(host->device, &host->acknowledgements);
  int64_t frame = give_from(host->device, &host->frames);
  return frame < acknowledgement ? frame : acknowledgement;
}

int main(int argc, char **argv) {
  count = argc == 5 ? atoi(argv[2]) : 0;
  delay = argc == 5 ? atof(argv[3]) * 1000 : 0;
  double rate = argc == 5 ? atof(argv[4]) : 0;
  if (count < 1 || count > MOST_HOSTS || rate <= 0 || delay < 0) {
    fprintf(stderr, "usage: wire NAME COUNT DELAY_MICROSECONDS RATE_MEGABITS\n");
    return 64;
  }
  nanoseconds_per_byte = 8000 / rate;
  prctl(PR_SET_TIMERSLACK, 1);
  for (int i = 0; i < count; i++) open_device(&hosts[i], argv[1], i + 1);
  puts("ready");
  fclose(stdout);
  for (;;) {
    int64_t next = INT64_MAX;
    int were_any = 0;
    for (int i = 0; i < count; i++) {
      int64_t arrival = give(&hosts[i]);
      if (arrival < next) next = arrival;
    }
    for (int i = 0; i < count; i++) were_any |= take(i);
    if (were_any) continue;
    struct pollfd devices[MOST_HOSTS];
    for (int i = 0; i < count; i++) devices[i] = (struct pollfd){hosts[i].device, POLLIN, 0};
    int64_t wait = next == INT64_MAX ? 1000000000 : later(next - now(), 0);
    struct timespec time = {wait / 1000000000, wait % 1000000000};
    ppoll(devices, count, &time, NULL);
  }
}
