#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <luban/core/call_control.hpp>
#include <luban/parallel/export.hpp>

namespace luban::parallel {

/// How all_reduce joins the values of all ranks, element by element.
enum class Reduction : std::uint32_t { sum = 1, max = 2, min = 3 };

/// What all_reduce can join.
enum class ValueKind : std::uint32_t { float64 = 1, float32 = 2, int64 = 3 };

/// A group of ranks that work together. Every call below is collective: all ranks make the same calls in the same
/// order. Before data moves, the ranks tell one another what each is about to do; so a call that does not fit those of
/// the others is an error on every rank, and a rank that failed (see agree) reaches the others wherever they are.
///
/// Errors of every collective call: ParallelError when a rank failed, left or made another call; StoppedError when
/// `control` asks to stop while others are waited for, after which this rank can no longer take part (LifecycleError).
/// One thread at a time may use the communicators of a process; which one does not matter.
class LUBAN_PARALLEL_EXPORT Communicator {
 public:
  virtual ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  [[nodiscard]] int rank() const noexcept { return rank_; }                 ///< [0, size)
  [[nodiscard]] int size() const noexcept { return size_; }                 ///< ≥ 1
  [[nodiscard]] const std::string& kind() const noexcept { return kind_; }  ///< "self", "threads", "openmpi"

  /// Returns when all ranks have called it.
  void barrier(const core::CallControl& control = {});

  /// The bytes of rank `root`, on all ranks; what the others pass is not looked at.
  /// @throws ConfigurationError when there is no such rank.
  [[nodiscard]] std::string broadcast(std::string_view data, int root = 0, const core::CallControl& control = {});

  /// Fills `buffer` of all ranks with that of rank `root`; the sizes must be equal.
  void broadcast_into(std::span<std::byte> buffer, int root = 0, const core::CallControl& control = {});

  /// Joins equally long values in place; the same result on all ranks, and the same bits each time for the same ranks.
  void all_reduce(std::span<double> values, Reduction how, const core::CallControl& control = {});
  void all_reduce(std::span<float> values, Reduction how, const core::CallControl& control = {});
  void all_reduce(std::span<std::int64_t> values, Reduction how, const core::CallControl& control = {});

  /// The bytes of every rank, by rank; lengths may differ.
  [[nodiscard]] std::vector<std::string> all_gather(std::string_view data, const core::CallControl& control = {});

  /// Whether the flag is set on at least one rank.
  [[nodiscard]] bool any(bool flag, const core::CallControl& control = {});

  /// A group of the ranks that gave the same `color` ≥ 0, ordered by `key`, then by rank. Groups of a kind that needs
  /// resources live until the process ends: make few.
  [[nodiscard]] std::shared_ptr<Communicator> split(int color, int key = 0, const core::CallControl& control = {});

  /// Leaves a section of work together: every rank says how it went (`error` empty = well). When all went well,
  /// returns. When one did not, the ranks without an error of their own throw a ParallelError that names the first that
  /// failed, wherever in the group's calls they are at that time; the ranks with one return, to throw it themselves.
  void agree(std::string_view error, const core::CallControl& control = {});

  /// Ends all ranks at once, for what cannot be agreed upon: `why` goes to stderr, the job ends with `code`. In a group
  /// inside one process (self, threads) nothing is ended: the other ranks get a ParallelError, and so does this one.
  [[noreturn]] void abort(int code, std::string_view why);

 protected:
  Communicator(std::string kind, int rank, int size);

  // What a kind of group brings with it; arguments are checked, all ranks are in the same call, and after exchange()
  // returned they are all there.

  /// Every rank's `own` bytes into `all`, by rank; the lengths are equal. The one call that waits for the others.
  virtual void exchange(std::span<const std::byte> own, std::span<std::byte> all, const core::CallControl& control) = 0;
  virtual void spread(std::span<std::byte> buffer, int root) = 0;
  virtual void join(void* values, std::size_t count, ValueKind kind, Reduction how) = 0;
  /// Every rank's bytes, one after the other; `lengths` by rank.
  virtual void collect(std::string_view own, std::span<const std::int64_t> lengths, std::span<std::byte> all) = 0;
  /// `members`: the ranks of this group that form the new one, in its order.
  virtual std::shared_ptr<Communicator> form(int color, std::span<const int> members, int new_rank) = 0;
  /// Ends all ranks; returns where they live in one process.
  virtual void end_all(int code, const std::string& why) = 0;
  /// Whether this rank can still take part: not after it stopped waiting, or lost another.
  [[nodiscard]] virtual bool usable() const noexcept = 0;

 private:
  struct Announcement;
  std::vector<Announcement> announce(const Announcement& own, const core::CallControl& control,
                                     std::string_view error = {});
  void tell_of_failures(std::string_view error, const core::CallControl& control);
  void check_root(int root, const char* where) const;
  void reduce(void* values, std::size_t count, ValueKind kind, Reduction how, const core::CallControl& control);
  [[nodiscard]] std::string place() const;

  std::string kind_;
  int rank_;
  int size_;
  bool told_ = false;  ///< another rank's failure was thrown here, and no other call has succeeded since
};

/// The group of one.
[[nodiscard]] LUBAN_PARALLEL_EXPORT std::shared_ptr<Communicator> self_communicator();

/// `count` ranks in one process, one for each thread that takes part: for tests and small use. A rank whose
/// communicator is destroyed has left. @throws ConfigurationError unless 1 ≤ count ≤ 1024.
[[nodiscard]] LUBAN_PARALLEL_EXPORT std::vector<std::shared_ptr<Communicator>> thread_communicators(int count);

/// Runs `section` and leaves it together: an exception of this rank is told to the others and thrown on.
/// @throws what `section` throws; ParallelError when it went well here and failed on another rank.
LUBAN_PARALLEL_EXPORT void together(Communicator& ranks, const std::function<void()>& section,
                                    const core::CallControl& control = {});

}  // namespace luban::parallel
