// The main of test programs that run under mpirun: the first rank prints as always, the others only what failed, and
// a failure of one is a failure of all.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>

#include <gtest/gtest.h>

#include <luban/parallel/communicator.hpp>
#include <luban/parallel/plugin.hpp>

namespace {

class FailuresOnly final : public testing::EmptyTestEventListener {
 public:
  explicit FailuresOnly(int rank) : rank_(rank) {}

  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::fprintf(stderr, "rank %d: %s:%d: %s\n", rank_, result.file_name() != nullptr ? result.file_name() : "?",
                 result.line_number(), result.message());
  }

 private:
  int rank_;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const std::shared_ptr<luban::parallel::Communicator> world = luban::parallel::openmpi_communicator();
  if (world->rank() != 0) {
    testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new FailuresOnly(world->rank()));
  }
  return world->any(RUN_ALL_TESTS() != 0) ? 1 : 0;
}
