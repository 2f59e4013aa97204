#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <luban/core/error.hpp>
#include <luban/parallel/communicator.hpp>

namespace luban::parallel {
namespace {

/// What a rank does with the places that all ranks showed.
using Read = std::function<void(const std::vector<const void*>&)>;

/// Where the threads of a group meet. At each meeting every rank shows a place in memory; when the last has come, each
/// reads what it needs of the others; nobody leaves before all have read.
class Meeting {
 public:
  explicit Meeting(int size) : shown_(static_cast<std::size_t>(size)) {}

  void meet(int rank, const void* own, const Read& read, const core::CallControl& control = {}) {
    std::unique_lock lock(mutex_);
    throw_if_broken(rank);
    shown_[static_cast<std::size_t>(rank)] = own;
    if (++here_ == shown_.size()) {
      reading_ = true;
      changed_.notify_all();
    } else {
      wait_for_the_others(lock, rank, control);
    }
    lock.unlock();
    read(shown_);
    lock.lock();
    const std::uint64_t now = round_;
    if (--here_ == 0) {
      reading_ = false;
      ++round_;
      changed_.notify_all();
    } else {
      changed_.wait(lock, [&] { return round_ != now; });
    }
  }

  /// From now on nobody can meet: whoever waits, and whoever comes, is told why.
  void break_off(int rank, const std::string& why) {
    const std::lock_guard lock(mutex_);
    if (broken_by_ < 0) {
      broken_by_ = rank;
      why_ = why;
    }
    changed_.notify_all();
  }
  [[nodiscard]] bool broken() const {
    const std::lock_guard lock(mutex_);
    return broken_by_ >= 0;
  }

  /// The meeting of a part of the group; the ranks that split come with the same `id`, and the last of them forgets it.
  std::shared_ptr<Meeting> part(std::uint64_t id, int color, int size) {
    const std::lock_guard lock(mutex_);
    auto& [meeting, takers] = parts_[{id, color}];
    if (!meeting) meeting = std::make_shared<Meeting>(size);
    std::shared_ptr<Meeting> out = meeting;
    if (++takers == size) parts_.erase({id, color});
    return out;
  }

 private:
  void wait_for_the_others(std::unique_lock<std::mutex>& lock, int rank, const core::CallControl& control) {
    const bool met = changed_.wait(lock, control.stop, [&] { return reading_ || broken_by_ >= 0; });
    if (reading_) return;
    --here_;
    if (met) throw_if_broken(rank);
    broken_by_ = rank;
    why_ = "stopped waiting for the others";
    changed_.notify_all();
    control.check("parallel.threads");
  }
  void throw_if_broken(int rank) const {
    if (broken_by_ < 0) return;
    const std::string place = "rank " + std::to_string(rank) + " of " + std::to_string(shown_.size()) + ", threads";
    if (broken_by_ == rank) {
      throw core::LifecycleError({.where = "parallel.threads",
                                  .expected = "a rank that takes part in its group",
                                  .received = "one that " + why_,
                                  .place = place,
                                  .hint = "make a new group"});
    }
    throw core::ParallelError({.where = "parallel.threads",
                               .expected = "all ranks to take part",
                               .received = "rank " + std::to_string(broken_by_) + ", which " + why_,
                               .place = place,
                               .hint = {}});
  }

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<const void*> shown_;
  std::size_t here_ = 0;
  bool reading_ = false;
  std::uint64_t round_ = 0;
  int broken_by_ = -1;
  std::string why_;
  std::map<std::pair<std::uint64_t, int>, std::pair<std::shared_ptr<Meeting>, int>> parts_;
};

/// Joins in rank order, so that the bits depend on nothing but the values.
template <typename T>
void join_values(const std::vector<const void*>& shown, std::size_t count, Reduction how, std::byte* out) {
  T* const joined = reinterpret_cast<T*>(out);
  std::memcpy(joined, shown[0], count * sizeof(T));
  for (std::size_t rank = 1; rank < shown.size(); ++rank) {
    const T* const other = static_cast<const T*>(shown[rank]);
    for (std::size_t i = 0; i < count; ++i) {
      switch (how) {
        case Reduction::sum:
          joined[i] += other[i];
          break;
        case Reduction::max:
          joined[i] = std::max(joined[i], other[i]);
          break;
        case Reduction::min:
          joined[i] = std::min(joined[i], other[i]);
          break;
      }
    }
  }
}

class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(std::shared_ptr<Meeting> meeting, int rank, int size)
      : Communicator("threads", rank, size), meeting_(std::move(meeting)) {}
  ~ThreadCommunicator() override { meeting_->break_off(rank(), "left the group"); }
  ThreadCommunicator(const ThreadCommunicator&) = delete;
  ThreadCommunicator& operator=(const ThreadCommunicator&) = delete;

 protected:
  void exchange(std::span<const std::byte> own, std::span<std::byte> all, const core::CallControl& control) override {
    const auto read = [&](const std::vector<const void*>& shown) {
      for (std::size_t i = 0; i < shown.size(); ++i) std::memcpy(all.data() + i * own.size(), shown[i], own.size());
    };
    meeting_->meet(rank(), own.data(), read, control);
  }
  void spread(std::span<std::byte> buffer, int root) override {
    meeting_->meet(rank(), buffer.data(), [&](const std::vector<const void*>& shown) {
      if (rank() != root) std::memcpy(buffer.data(), shown[static_cast<std::size_t>(root)], buffer.size());
    });
  }
  void join(void* values, std::size_t count, ValueKind kind, Reduction how) override {
    const std::size_t bytes = count * (kind == ValueKind::float32 ? sizeof(float) : sizeof(double));
    std::vector<std::byte> joined(bytes);
    meeting_->meet(rank(), values, [&](const std::vector<const void*>& shown) {
      switch (kind) {
        case ValueKind::float64:
          return join_values<double>(shown, count, how, joined.data());
        case ValueKind::float32:
          return join_values<float>(shown, count, how, joined.data());
        case ValueKind::int64:
          return join_values<std::int64_t>(shown, count, how, joined.data());
      }
    });
    std::memcpy(values, joined.data(), bytes);  // only now: nobody reads `values` any more
  }
  void collect(std::string_view own, std::span<const std::int64_t> lengths, std::span<std::byte> all) override {
    meeting_->meet(rank(), own.data(), [&](const std::vector<const void*>& shown) {
      std::byte* into = all.data();
      for (std::size_t i = 0; i < shown.size(); ++i) {
        const auto length = static_cast<std::size_t>(lengths[i]);
        if (length > 0) std::memcpy(into, shown[i], length);
        into += length;
      }
    });
  }
  std::shared_ptr<Communicator> form(int color, std::span<const int> members, int new_rank) override {
    const int size = static_cast<int>(members.size());
    return std::make_shared<ThreadCommunicator>(meeting_->part(splits_++, color, size), new_rank, size);
  }
  void end_all(int code, const std::string& why) override {
    meeting_->break_off(rank(), "ended the group: " + why + " (code " + std::to_string(code) + ")");
  }
  [[nodiscard]] bool usable() const noexcept override { return !meeting_->broken(); }

 private:
  std::shared_ptr<Meeting> meeting_;
  std::uint64_t splits_ = 0;
};

}  // namespace

std::vector<std::shared_ptr<Communicator>> thread_communicators(int count) {
  constexpr int most = 1024;
  if (count < 1 || count > most) {
    throw core::ConfigurationError({.where = "parallel.thread_communicators",
                                    .expected = "1 to " + std::to_string(most) + " ranks",
                                    .received = std::to_string(count),
                                    .place = {},
                                    .hint = {}});
  }
  const auto meeting = std::make_shared<Meeting>(count);
  std::vector<std::shared_ptr<Communicator>> out;
  for (int rank = 0; rank < count; ++rank) out.push_back(std::make_shared<ThreadCommunicator>(meeting, rank, count));
  return out;
}

}  // namespace luban::parallel
