// The plugin `openmpi`: every call of MPI is here and in world.cpp, and every return code is checked here and there.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "world_impl.hpp"

#ifndef OPEN_MPI
#error "the plugin openmpi is built against the C interface of Open MPI"
#endif

namespace luban::parallel::plugin {

struct Group {
  MPI_Comm communicator = MPI_COMM_NULL;
  int rank = 0;
  int size = 1;
  std::vector<int> members = {};  ///< ranks of the world
};

}  // namespace luban::parallel::plugin

namespace luban::parallel::openmpi {
namespace {

using plugin::Group;
using plugin::Status;

/// One for each process, as MPI itself.
World& world() {
  static World of_this_process;
  return of_this_process;
}

std::string& last_text() {
  static thread_local std::string text;
  return text;
}

/// Runs `body`; no exception passes the border.
template <typename Body>
Status guarded(const Body& body) noexcept {
  try {
    body();
    return plugin::done;
  } catch (const Failure& failure) {
    last_text() = failure.text;
    return failure.status;
  } catch (const std::exception& error) {
    last_text() = error.what();
    return plugin::failed;
  }
}

const char* explain() {
  return last_text().c_str();
}

const char* library_version() {
  static const std::string version = [] {
    std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
    int length = 0;
    if (MPI_Get_library_version(text.data(), &length) != MPI_SUCCESS) return std::string("MPI of unknown version");
    const std::string whole(text.data());
    return whole.substr(0, whole.find(','));
  }();
  return version.c_str();
}

Status open(std::int32_t patience_ms, Group** group, std::int32_t* rank, std::int32_t* size) {
  return guarded([&] {
    world().open(patience_ms);
    auto* const all = new Group{.communicator = world().communicator(),
                                .rank = world().rank(),
                                .size = world().size(),
                                .members = std::vector<int>(static_cast<std::size_t>(world().size()))};
    for (int i = 0; i < all->size; ++i) all->members[static_cast<std::size_t>(i)] = i;
    *group = all;
    *rank = all->rank;
    *size = all->size;
  });
}

/// The one call that may be given up, so it works on memory of its own: MPI goes on using it after that.
Status exchange(Group* group, const void* own, void* all, std::int32_t bytes, const plugin::Patience* patience) {
  return guarded([&] {
    const auto length = static_cast<std::size_t>(bytes);
    auto* const room = new std::vector<char>(length * (static_cast<std::size_t>(group->size) + 1));
    char* const received = room->data() + length;
    std::memcpy(room->data(), own, length);
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Iallgather(room->data(), bytes, MPI_BYTE, received, bytes, MPI_BYTE, group->communicator, &request),
          "MPI_Iallgather");
    world().wait(&request, group->members, patience);  // an exception here leaves `room` to MPI, on purpose
    std::memcpy(all, received, room->size() - length);
    delete room;
  });
}

Status broadcast(Group* group, void* data, std::int32_t bytes, std::int32_t root) {
  return guarded([&] { check(MPI_Bcast(data, bytes, MPI_BYTE, root, group->communicator), "MPI_Bcast"); });
}

Status all_reduce(Group* group, void* values, std::int32_t count, std::uint32_t kind, std::uint32_t reduction) {
  return guarded([&] {
    const std::array types = {MPI_DOUBLE, MPI_FLOAT, MPI_INT64_T};
    const std::array operations = {MPI_SUM, MPI_MAX, MPI_MIN};
    check(MPI_Allreduce(MPI_IN_PLACE, values, count, types.at(kind - 1), operations.at(reduction - 1),
                        group->communicator),
          "MPI_Allreduce");
  });
}

Status all_gather(Group* group, const void* own, void* all, const std::int32_t* lengths, const std::int32_t* begins) {
  return guarded([&] {
    check(MPI_Allgatherv(own, lengths[group->rank], MPI_BYTE, all, lengths, begins, MPI_BYTE, group->communicator),
          "MPI_Allgatherv");
  });
}

Status split(Group* group, std::int32_t color, std::int32_t new_rank, Group** part) {
  return guarded([&] {
    MPI_Comm communicator = MPI_COMM_NULL;
    check(MPI_Comm_split(group->communicator, color, new_rank, &communicator), "MPI_Comm_split");
    auto* const made = new Group{.communicator = communicator};
    check(MPI_Comm_set_errhandler(communicator, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check(MPI_Comm_rank(communicator, &made->rank), "MPI_Comm_rank");
    check(MPI_Comm_size(communicator, &made->size), "MPI_Comm_size");
    made->members.resize(static_cast<std::size_t>(made->size));
    const int of_world = world().rank();
    check(MPI_Allgather(&of_world, 1, MPI_INT, made->members.data(), 1, MPI_INT, communicator), "MPI_Allgather");
    *part = made;
  });
}

/// MPI frees a communicator by a call of all its ranks together; a destructor is not that. It lives until the end.
void release(Group* group) {
  delete group;
}

void abort(std::int32_t code, const char* why) {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host = {"unknown host"};
  const std::string line = "luban: rank " + std::to_string(world().rank()) + " of " + std::to_string(world().size()) +
                           " on " + host.data() + " ends the job: " + why + "\n";
  // A line that cannot be written is no reason to go on.
  static_cast<void>(!write(STDERR_FILENO, line.data(), line.size()));
  static_cast<void>(MPI_Abort(world().communicator(), code != 0 ? code : 1));
  std::_Exit(code != 0 ? code : 1);
}

Status leave() {
  return guarded([] { world().leave(); });
}

const char* built_with() {
  static const std::string version = "Open MPI " + std::to_string(OMPI_MAJOR_VERSION) + "." +
                                     std::to_string(OMPI_MINOR_VERSION) + "." + std::to_string(OMPI_RELEASE_VERSION);
  return version.c_str();
}

}  // namespace
}  // namespace luban::parallel::openmpi

extern "C" __attribute__((visibility("default"))) const luban::parallel::plugin::Table* luban_parallel_plugin() {
  namespace here = luban::parallel::openmpi;
  static const luban::parallel::plugin::Table table = {
      .abi_version = luban::parallel::plugin::abi_version,
      .table_bytes = sizeof(luban::parallel::plugin::Table),
      .name = "openmpi",
      .built_with = here::built_with(),
      .explain = here::explain,
      .library_version = here::library_version,
      .open = here::open,
      .exchange = here::exchange,
      .broadcast = here::broadcast,
      .all_reduce = here::all_reduce,
      .all_gather = here::all_gather,
      .split = here::split,
      .release = here::release,
      .abort = here::abort,
      .leave = here::leave,
  };
  return &table;
}
