#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <luban/core/error.hpp>
#include <luban/parallel/plugin.hpp>

#include "detail/plugin_library.hpp"

namespace luban::parallel {
namespace {

/// One opened plugin; its groups share it.
struct Session {
  const plugin::Table* table = nullptr;
  std::size_t largest_message = 0;
  std::atomic<bool> busy = false;     ///< a thread is inside a call
  std::atomic<bool> stopped = false;  ///< this process no longer takes part
};

/// One thread at a time: MPI is asked for no more, and calls of two threads could wait for one another for ever.
class Turn {
 public:
  Turn(Session& session, const std::string& place) : session_(session) {
    if (session_.busy.exchange(true)) {
      throw core::LifecycleError({.where = "parallel.openmpi",
                                  .expected = "one thread at a time in the communicators of a process",
                                  .received = "a call while another thread is inside one",
                                  .place = place,
                                  .hint = "let one thread do the talking"});
    }
  }
  ~Turn() { session_.busy = false; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Session& session_;
};

std::size_t bytes_of(ValueKind kind) {
  return kind == ValueKind::float32 ? sizeof(float) : sizeof(double);
}

class PluginCommunicator final : public Communicator {
 public:
  PluginCommunicator(std::shared_ptr<Session> session, plugin::Group* group, int rank, int size)
      : Communicator(session->table->name, rank, size),
        session_(std::move(session)),
        group_(group),
        place_("rank " + std::to_string(rank) + " of " + std::to_string(size) + ", " + session_->table->name) {}
  ~PluginCommunicator() override { table().release(group_); }
  PluginCommunicator(const PluginCommunicator&) = delete;
  PluginCommunicator& operator=(const PluginCommunicator&) = delete;

 protected:
  void exchange(std::span<const std::byte> own, std::span<std::byte> all, const core::CallControl& control) override {
    if (!usable()) {
      throw core::LifecycleError({.where = "parallel.openmpi",
                                  .expected = "a rank that takes part in its group",
                                  .received = "one that stopped waiting, or lost another",
                                  .place = place_,
                                  .hint = "end this process; the job must be started again"});
    }
    const Turn turn(*session_, place_);
    const auto stop = [](void* context) -> std::int32_t {
      return static_cast<const core::CallControl*>(context)->stop.stop_requested() ? 1 : 0;
    };
    const plugin::Patience patience{.stop = stop, .context = const_cast<core::CallControl*>(&control)};
    const plugin::Status status =
        table().exchange(group_, own.data(), all.data(), static_cast<std::int32_t>(own.size()), &patience);
    if (status == plugin::stopped) {
      session_->stopped = true;
      control.check("parallel.openmpi");
    }
    check(status);
  }
  void spread(std::span<std::byte> buffer, int root) override {
    const Turn turn(*session_, place_);
    for (std::size_t begin = 0; begin < buffer.size(); begin += session_->largest_message) {
      const std::size_t length = std::min(session_->largest_message, buffer.size() - begin);
      check(table().broadcast(group_, buffer.data() + begin, static_cast<std::int32_t>(length), root));
    }
  }
  void join(void* values, std::size_t count, ValueKind kind, Reduction how) override {
    const Turn turn(*session_, place_);
    const std::size_t most = std::max<std::size_t>(1, session_->largest_message / bytes_of(kind));
    for (std::size_t begin = 0; begin < count; begin += most) {
      const auto part = static_cast<std::int32_t>(std::min(most, count - begin));
      check(table().all_reduce(group_, static_cast<std::byte*>(values) + begin * bytes_of(kind), part,
                               static_cast<std::uint32_t>(kind), static_cast<std::uint32_t>(how)));
    }
  }
  /// In rounds, in each of which every rank gives at most its share of the largest message.
  void collect(std::string_view own, std::span<const std::int64_t> lengths, std::span<std::byte> all) override {
    const Turn turn(*session_, place_);
    const std::size_t ranks = lengths.size();
    if (all.size() <= session_->largest_message) {
      gather_round(own, {lengths.begin(), lengths.end()}, all.data());
      return;
    }
    const auto share = static_cast<std::int64_t>(std::max<std::size_t>(1, session_->largest_message / ranks));
    const std::int64_t longest = *std::max_element(lengths.begin(), lengths.end());
    std::vector<std::byte> round;
    for (std::int64_t begin = 0; begin < longest; begin += share) {
      std::vector<std::int64_t> parts(ranks);
      std::transform(lengths.begin(), lengths.end(), parts.begin(),
                     [&](std::int64_t length) { return std::clamp<std::int64_t>(length - begin, 0, share); });
      round.resize(static_cast<std::size_t>(std::accumulate(parts.begin(), parts.end(), std::int64_t{0})));
      const auto from = std::min(static_cast<std::size_t>(begin), own.size());
      gather_round(own.substr(from, static_cast<std::size_t>(share)), parts, round.data());
      std::byte* into = all.data();
      const std::byte* part = round.data();
      for (std::size_t rank = 0; rank < ranks; ++rank) {
        std::copy_n(part, parts[rank], into + std::min(begin, lengths[rank]));
        part += parts[rank];
        into += lengths[rank];
      }
    }
  }
  std::shared_ptr<Communicator> form(int color, std::span<const int> members, int new_rank) override {
    const Turn turn(*session_, place_);
    plugin::Group* part = nullptr;
    check(table().split(group_, color, new_rank, &part));
    return std::make_shared<PluginCommunicator>(session_, part, new_rank, static_cast<int>(members.size()));
  }
  void end_all(int code, const std::string& why) override {
    table().abort(code, why.c_str());
    std::_Exit(code != 0 ? code : 1);  // not reached with a plugin that keeps its word
  }
  [[nodiscard]] bool usable() const noexcept override { return !lost_ && !session_->stopped; }

 private:
  [[nodiscard]] const plugin::Table& table() const { return *session_->table; }

  void check(plugin::Status status) {
    if (status == plugin::done) return;
    lost_ = true;
    throw core::ParallelError({.where = "parallel.openmpi",
                               .expected = status == plugin::left ? "all ranks to take part" : "MPI to do its work",
                               .received = table().explain(),
                               .place = place_,
                               .hint = {}});
  }
  void gather_round(std::string_view own, const std::vector<std::int64_t>& lengths, std::byte* all) {
    std::vector<std::int32_t> counts(lengths.begin(), lengths.end());
    std::vector<std::int32_t> begins(counts.size());
    std::exclusive_scan(counts.begin(), counts.end(), begins.begin(), 0);
    check(table().all_gather(group_, own.data(), all, counts.data(), begins.data()));
  }

  std::shared_ptr<Session> session_;
  plugin::Group* group_;
  std::string place_;
  bool lost_ = false;
};

/// The worlds that were opened. MPI can be initialised once in the life of a process, so this lives as long.
struct Worlds {
  std::mutex mutex;
  std::map<const plugin::Table*, std::shared_ptr<Communicator>> open;
};

Worlds& worlds() {
  static auto* const all = new Worlds;  // never destroyed: communicators may outlive the statics
  return *all;
}

/// At the end of the process. A status other than `done` has nobody left to tell.
void leave_all() {
  Worlds& all = worlds();
  const std::lock_guard lock(all.mutex);
  for (const auto& [table, world] : all.open) static_cast<void>(table->leave());
}

void check_options(const PluginOptions& options) {
  constexpr auto most = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max());
  if (options.largest_message < 1 || options.largest_message > most || options.patience_ms < 0) {
    throw core::ConfigurationError(
        {.where = "parallel.openmpi_communicator",
         .expected = "a largest message of 1 to 2^31 - 1 bytes and a patience of at least 0",
         .received = std::to_string(options.largest_message) + " bytes, " + std::to_string(options.patience_ms) + " ms",
         .place = {},
         .hint = {}});
  }
}

}  // namespace

std::shared_ptr<Communicator> openmpi_communicator(const PluginOptions& options) {
  check_options(options);
  const std::filesystem::path path = options.path.empty() ? plugin_path("openmpi") : options.path;
  const plugin::Table& table = detail::load_plugin(path);
  Worlds& all = worlds();
  const std::lock_guard lock(all.mutex);
  if (const auto known = all.open.find(&table); known != all.open.end()) return known->second;

  plugin::Group* group = nullptr;
  std::int32_t rank = 0;
  std::int32_t size = 0;
  if (table.open(options.patience_ms, &group, &rank, &size) != plugin::done) {
    throw core::ParallelError({.where = "parallel.openmpi_communicator",
                               .expected = "MPI to start",
                               .received = table.explain(),
                               .place = path.string(),
                               .hint = {}});
  }
  auto session = std::make_shared<Session>();
  session->table = &table;
  session->largest_message = options.largest_message;
  auto world = std::make_shared<PluginCommunicator>(std::move(session), group, rank, size);
  if (all.open.empty()) std::atexit(leave_all);
  all.open.emplace(&table, world);
  return world;
}

}  // namespace luban::parallel
