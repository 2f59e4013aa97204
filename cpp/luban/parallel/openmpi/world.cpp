#include <sched.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <thread>

#include "world_impl.hpp"

namespace luban::parallel::openmpi {
namespace {

constexpr int word_tag = 1;

}  // namespace

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  const bool known = MPI_Error_string(code, text.data(), &length) == MPI_SUCCESS;
  throw Failure{plugin::failed, std::string(call) + ": " +
                                    (known ? std::string(text.data(), static_cast<std::size_t>(length))
                                           : "code " + std::to_string(code))};
}

void Pause::operator()() {
  ++looks_;
  if (looks_ <= 100) return;
  if (looks_ <= 2000) {
    sched_yield();
    return;
  }
  std::this_thread::sleep_for(std::chrono::microseconds(std::min(looks_ - 1950, 500)));
}

void World::open(int patience_ms) {
  int initialised = 0;
  int finalised = 0;
  check(MPI_Initialized(&initialised), "MPI_Initialized");
  check(MPI_Finalized(&finalised), "MPI_Finalized");
  if (finalised != 0) throw Failure{plugin::failed, "MPI was finalised before, and cannot be started twice"};
  int level = MPI_THREAD_SINGLE;
  if (initialised != 0) {
    check(MPI_Query_thread(&level), "MPI_Query_thread");
  } else {
    check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &level), "MPI_Init_thread");
    ours_ = true;
    check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  }
  // Calls come from different threads, one at a time.
  if (level < MPI_THREAD_SERIALIZED) {
    throw Failure{plugin::failed, "MPI grants thread level " + std::to_string(level) + ", and " +
                                      std::to_string(MPI_THREAD_SERIALIZED) + " (MPI_THREAD_SERIALIZED) is needed"};
  }
  check(MPI_Comm_dup(MPI_COMM_WORLD, &communicator_), "MPI_Comm_dup");
  check(MPI_Comm_dup(MPI_COMM_WORLD, &beside_), "MPI_Comm_dup");
  for (const MPI_Comm communicator : {communicator_, beside_}) {
    check(MPI_Comm_set_errhandler(communicator, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  }
  check(MPI_Comm_rank(communicator_, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(communicator_, &size_), "MPI_Comm_size");
  patience_ = std::chrono::milliseconds(patience_ms);
  leavers_.resize(static_cast<std::size_t>(size_));
}

void World::wait(MPI_Request* request, const std::vector<int>& members, const plugin::Patience* patience) {
  constexpr auto moment = std::chrono::seconds(1);
  Pause pause;
  std::optional<Clock::time_point> asked_to_stop;
  for (;;) {
    int done = 0;
    check(MPI_Test(request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (done != 0) break;
    if (!asked_to_stop && patience != nullptr && patience->stop != nullptr && patience->stop(patience->context) != 0) {
      asked_to_stop = Clock::now();
    }
    if (asked_to_stop && Clock::now() - *asked_to_stop > moment) {
      given_up_ = true;
      tell_leaving(Leaving::gave_up);
      throw Failure{plugin::stopped, "stopped while waiting for the others"};
    }
    if (pause.long_wait()) fail_for_leavers(members, true);
    pause();
  }
  fail_for_leavers(members, false);
}

void World::fail_for_leavers(const std::vector<int>& members, bool unfinished) {
  hear_of_leavers();
  for (const int member : members) {
    const Leaver& leaver = leavers_[static_cast<std::size_t>(member)];
    if (!leaver.left) continue;
    const bool gave_up = leaver.how == Leaving::gave_up;
    // What a rank sent before it ended may still arrive, so it is waited for a while.
    if (!gave_up && (!unfinished || Clock::now() - leaver.since <= patience_)) continue;
    given_up_ = given_up_ || unfinished;
    throw Failure{plugin::left, "rank " + std::to_string(member) + " of " + std::to_string(size_) +
                                    (gave_up ? ", which stopped waiting for the others" : ", which has ended")};
  }
}

void World::tell_leaving(Leaving how) {
  if (told_) return;
  told_ = true;
  last_word_ = how;
  for (int other = 0; other < size_; ++other) {
    if (other == rank_) continue;
    MPI_Request word = MPI_REQUEST_NULL;
    check(MPI_Isend(&last_word_, 1, MPI_CHAR, other, word_tag, beside_, &word), "MPI_Isend");
    words_.push_back(word);
  }
}

void World::hear_of_leavers() {
  for (;;) {
    int waiting = 0;
    MPI_Status status;
    check(MPI_Iprobe(MPI_ANY_SOURCE, word_tag, beside_, &waiting, &status), "MPI_Iprobe");
    if (waiting == 0) return;
    Leaver& leaver = leavers_[static_cast<std::size_t>(status.MPI_SOURCE)];
    check(MPI_Recv(&leaver.how, 1, MPI_CHAR, status.MPI_SOURCE, word_tag, beside_, MPI_STATUS_IGNORE), "MPI_Recv");
    leaver.left = true;
    leaver.since = Clock::now();
  }
}

bool World::all_have_left() const {
  int left = 0;
  for (const Leaver& leaver : leavers_) left += leaver.left ? 1 : 0;
  return left == size_ - 1;
}

void World::leave() {
  int finalised = 0;
  check(MPI_Finalized(&finalised), "MPI_Finalized");
  if (finalised != 0 || !ours_) return;
  tell_leaving(Leaving::ended);
  const Clock::time_point begin = Clock::now();
  Pause pause;
  for (hear_of_leavers(); !all_have_left(); hear_of_leavers()) {
    if (given_up_ && Clock::now() - begin > patience_) return;
    pause();
  }
  if (given_up_) return;
  check(MPI_Waitall(static_cast<int>(words_.size()), words_.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
  check(MPI_Finalize(), "MPI_Finalize");
}

}  // namespace luban::parallel::openmpi
