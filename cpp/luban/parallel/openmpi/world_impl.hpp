#pragma once

#include <mpi.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <luban/parallel/plugin_table.hpp>

/// What the functions of the table share: the state of MPI in this process. Private to the plugin.
namespace luban::parallel::openmpi {

/// How a call of the plugin ends early; caught where the table begins.
struct Failure {
  plugin::Status status;
  std::string text;
};

/// @throws Failure with MPI's own text for every code but MPI_SUCCESS.
void check(int code, const char* call);

using Clock = std::chrono::steady_clock;

/// A pause between two looks at a request that grows with the time waited: at once for partners that are about to
/// come, out of the way of others on the same CPU soon after, asleep for most of a millisecond in the end.
class Pause {
 public:
  void operator()();
  /// Whether the wait is long enough to look after seldom things.
  [[nodiscard]] bool long_wait() const { return looks_ > 2000 && looks_ % 16 == 0; }

 private:
  int looks_ = 0;
};

/// MPI in this process. A rank that leaves tells all others by a message beside the collective calls: that is how
/// those that wait for it learn that it will not come.
class World {
 public:
  /// @throws Failure when MPI refuses, or was initialised by others with too low a thread level.
  void open(int patience_ms);
  /// Waits for a request of `members` (ranks of the world). Gives up when asked to stop, though not before the others
  /// had a moment to come: then the group stays whole. Gives up when a member has left. A request given up is never
  /// touched again. @throws Failure
  void wait(MPI_Request* request, const std::vector<int>& members, const plugin::Patience* patience);
  /// At the end of the process: waits until the others leave too, and finalises MPI when this plugin initialised it.
  /// With a call given up, MPI cannot be finalised; the launcher then ends what is left of the job.
  void leave();

  [[nodiscard]] MPI_Comm communicator() const { return communicator_; }
  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return size_; }

 private:
  /// How a rank left: by giving up a call, after which its part of that call may still be on its way and means nothing;
  /// or at the end of its process, after it finished all its calls.
  enum class Leaving : char { gave_up = 'g', ended = 'e' };

  /// Tells the others once that this rank will not take part any more.
  void tell_leaving(Leaving how);
  void hear_of_leavers();
  void fail_for_leavers(const std::vector<int>& members, bool unfinished);
  [[nodiscard]] bool all_have_left() const;

  MPI_Comm communicator_ = MPI_COMM_NULL;  ///< of our own, so that no message of others is taken for ours
  MPI_Comm beside_ = MPI_COMM_NULL;        ///< for words of leaving
  int rank_ = 0;
  int size_ = 1;
  std::chrono::milliseconds patience_{0};
  bool ours_ = false;      ///< initialised here, so finalised here
  bool given_up_ = false;  ///< a collective call was left unfinished
  bool told_ = false;
  struct Leaver {
    bool left = false;
    Leaving how = Leaving::ended;
    Clock::time_point since;
  };
  std::vector<Leaver> leavers_;
  Leaving last_word_ = Leaving::ended;
  std::vector<MPI_Request> words_;
};

}  // namespace luban::parallel::openmpi
