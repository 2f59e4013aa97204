// A plugin without a library behind it. Its ranks all do the same: what the others send is what this one sends. How it
// behaves is chosen at build time (LUBAN_FAKE_…: what is wrong with its table) and by environment variables when it is
// opened (LUBAN_FAKE_SIZE, LUBAN_FAKE_TROUBLE).
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <luban/parallel/communicator.hpp>
#include <luban/parallel/plugin_table.hpp>

#ifdef LUBAN_FAKE_UNRESOLVED
extern "C" int luban_function_of_a_library_that_is_not_here();
#endif

namespace luban::parallel::plugin {

struct Group {
  int size = 1;
  std::string trouble;
  std::string text;
};

namespace {

int largest = 0;  // bytes of the largest message

Group*& opened() {
  static Group* world = nullptr;
  return world;
}

const char* explain() {
  return opened()->text.c_str();
}
const char* library_version() {
  return "fake 1.0";
}

Status ended(Group* group, Status status, const char* text) {
  group->text = text;
  return status;
}

void note(int bytes) {
  largest = bytes > largest ? bytes : largest;
}

Status open(std::int32_t /*patience_ms*/, Group** world, std::int32_t* rank, std::int32_t* size) {
  opened() = new Group;
  if (const char* text = std::getenv("LUBAN_FAKE_SIZE")) opened()->size = std::atoi(text);
  if (const char* text = std::getenv("LUBAN_FAKE_TROUBLE")) opened()->trouble = text;
  if (opened()->trouble == "open") return ended(opened(), failed, "MPI_Init_thread: no network");
  *world = opened();
  *rank = 0;
  *size = opened()->size;
  return done;
}

Status exchange(Group* group, const void* own, void* all, std::int32_t bytes, const Patience* patience) {
  if (group->trouble == "exchange") return ended(group, failed, "MPI_Iallgather: MPI_ERR_INTERN: internal error");
  if (group->trouble == "left") return ended(group, left, "rank 1 of 2, which has ended");
  while (group->trouble == "wait") {
    if (patience->stop(patience->context) != 0) return ended(group, stopped, "stopped");
  }
  for (int i = 0; i < group->size; ++i) std::memcpy(static_cast<char*>(all) + i * bytes, own, bytes);
  return done;
}

Status broadcast(Group* group, void* /*data*/, std::int32_t bytes, std::int32_t /*root*/) {
  note(bytes);
  return group->trouble == "broadcast" ? ended(group, failed, "MPI_Bcast: MPI_ERR_TRUNCATE") : done;
}

template <typename T>
void times(void* values, int count, int factor) {
  for (int i = 0; i < count; ++i) static_cast<T*>(values)[i] *= static_cast<T>(factor);
}

Status all_reduce(Group* group, void* values, std::int32_t count, std::uint32_t kind, std::uint32_t reduction) {
  note(count * (kind == static_cast<std::uint32_t>(ValueKind::float32) ? 4 : 8));
  if (reduction != static_cast<std::uint32_t>(Reduction::sum)) return done;
  if (kind == static_cast<std::uint32_t>(ValueKind::float64)) times<double>(values, count, group->size);
  if (kind == static_cast<std::uint32_t>(ValueKind::float32)) times<float>(values, count, group->size);
  if (kind == static_cast<std::uint32_t>(ValueKind::int64)) times<std::int64_t>(values, count, group->size);
  return done;
}

Status all_gather(Group* group, const void* own, void* all, const std::int32_t* lengths, const std::int32_t* begins) {
  note(begins[group->size - 1] + lengths[group->size - 1]);
  for (int i = 0; i < group->size; ++i) {
    if (lengths[i] > 0) std::memcpy(static_cast<char*>(all) + begins[i], own, static_cast<std::size_t>(lengths[i]));
  }
  return done;
}

Status split(Group* group, std::int32_t /*color*/, std::int32_t /*new_rank*/, Group** part) {
  *part = new Group{.size = group->size, .trouble = {}, .text = {}};
  return done;
}

void release(Group* group) {
  if (group != opened()) delete group;
}

void abort(std::int32_t code, const char* why) {
  std::fprintf(stderr, "the fake plugin ends the job: %s\n", why);
  std::_Exit(code);
}

Status leave() {
  std::fprintf(stderr, "the fake plugin leaves\n");
  return done;
}

}  // namespace
}  // namespace luban::parallel::plugin

extern "C" {

__attribute__((visibility("default"))) int fake_largest_message() {
  return luban::parallel::plugin::largest;
}

__attribute__((visibility("default"))) const luban::parallel::plugin::Table* luban_parallel_plugin() {
  using namespace luban::parallel::plugin;
#ifdef LUBAN_FAKE_WITHOUT_TABLE
  return nullptr;
#else
  static const Table table = {
#ifdef LUBAN_FAKE_OTHER_VERSION
      .abi_version = abi_version + 1,
#else
      .abi_version = abi_version,
#endif
#ifdef LUBAN_FAKE_OTHER_SIZE
      .table_bytes = sizeof(Table) - sizeof(void*),
#else
      .table_bytes = sizeof(Table),
#endif
      .name = "fake",
      .built_with = "nothing",
      .explain = explain,
      .library_version = library_version,
      .open = open,
      .exchange = exchange,
      .broadcast = broadcast,
      .all_reduce = all_reduce,
#ifdef LUBAN_FAKE_INCOMPLETE
      .all_gather = nullptr,
#else
      .all_gather = all_gather,
#endif
      .split = split,
      .release = release,
      .abort = abort,
      .leave = leave,
  };
#ifdef LUBAN_FAKE_UNRESOLVED
  static const int answer = luban_function_of_a_library_that_is_not_here();
  static_cast<void>(answer);
#endif
  return &table;
#endif
}

}  // extern "C"
