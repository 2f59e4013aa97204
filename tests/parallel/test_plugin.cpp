// The loader of plugins, with fake ones: built right, built wrong, and damaged.
#include <dlfcn.h>
#include <stdlib.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <luban/core/error.hpp>
#include <luban/parallel/launcher.hpp>
#include <luban/parallel/plugin.hpp>

#include "conformance.hpp"

namespace luban::parallel {
namespace {

namespace fs = std::filesystem;

fs::path fake(const std::string& name) {
  return fs::path(LUBAN_FAKE_PLUGINS) / ("fake_plugin_" + name + ".so");
}

/// A folder of its own for each test, and the environment as it was.
class FakePlugin : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              ("luban-plugin-" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override {
    unsetenv("LUBAN_FAKE_SIZE");
    unsetenv("LUBAN_FAKE_TROUBLE");
    unsetenv("LUBAN_OPENMPI_PLUGIN");
    fs::remove_all(folder_);
  }
  /// A copy counts as a plugin of its own, so each test opens a world of its own; the loader knows files by name.
  [[nodiscard]] fs::path copy() const {
    static int copies = 0;
    const fs::path path = folder_ / ("copy" + std::to_string(copies++) + ".so");
    fs::copy_file(fake("nothing"), path);
    return path;
  }
  [[nodiscard]] std::shared_ptr<Communicator> world(int size, const char* trouble = "",
                                                    std::size_t largest_message = 1U << 30U) const {
    setenv("LUBAN_FAKE_SIZE", std::to_string(size).c_str(), 1);
    setenv("LUBAN_FAKE_TROUBLE", trouble, 1);
    return openmpi_communicator({.path = copy(), .largest_message = largest_message});
  }
  [[nodiscard]] const fs::path& folder() const { return folder_; }

 private:
  fs::path folder_;
};

template <typename E>
std::string error_of(const fs::path& path) {
  try {
    static_cast<void>(openmpi_communicator({.path = path}));
  } catch (const E& error) {
    EXPECT_EQ(error.detail().place, path.string());
    return error.detail().received;
  } catch (const core::Error& error) {
    return std::string("another error: ") + error.what();
  }
  return "no error";
}

TEST_F(FakePlugin, that_fits_is_opened_and_conforms) {
  const std::shared_ptr<Communicator> ranks = world(1);
  EXPECT_EQ(ranks->kind(), "fake");
  for (const GroupCheck& check : conformance()) {
    SCOPED_TRACE(check.name);
    check.run(*ranks);
  }
}

TEST_F(FakePlugin, is_opened_once_for_each_file) {
  const fs::path path = copy();
  EXPECT_EQ(openmpi_communicator({.path = path}), openmpi_communicator({.path = path}));
  EXPECT_NE(openmpi_communicator({.path = path}), openmpi_communicator({.path = copy()}));
}

TEST_F(FakePlugin, that_is_missing_is_named_with_the_remedy) {
  EXPECT_EQ(error_of<core::NotBuiltError>(folder() / "none.so"), "no such file");
  EXPECT_EQ(error_of<core::NotBuiltError>(folder()), "no such file") << "a folder";
  const fs::path dangling = folder() / "link.so";
  fs::create_symlink(folder() / "nowhere", dangling);
  EXPECT_EQ(error_of<core::NotBuiltError>(dangling), "no such file");
}

TEST_F(FakePlugin, of_another_build_is_refused) {
  EXPECT_NE(error_of<core::VersionError>(fake("other_version")).find("interface 2"), std::string::npos);
  EXPECT_NE(error_of<core::VersionError>(fake("other_size")).find("interface 1"), std::string::npos);
}

TEST_F(FakePlugin, that_is_none_is_refused) {
  EXPECT_EQ(error_of<core::IntegrityError>(fake("without_table")), "one that gave none");
  EXPECT_EQ(error_of<core::IntegrityError>(fake("incomplete")), "one that lacks some");
  Dl_info parallel{};
  ASSERT_NE(dladdr(reinterpret_cast<const void*>(&plugin_path), &parallel), 0);
  EXPECT_NE(error_of<core::IntegrityError>(fs::absolute(parallel.dli_fname)).find("luban_parallel_plugin"),
            std::string::npos);
}

TEST_F(FakePlugin, whose_libraries_are_missing_is_refused) {
  EXPECT_NE(error_of<core::IoError>(fake("unresolved")).find("luban_function_of_a_library_that_is_not_here"),
            std::string::npos);
}

/// Cut off anywhere, the file is refused; none of these may end the process.
TEST_F(FakePlugin, that_is_truncated_is_refused) {
  const fs::path path = copy();
  const auto whole = fs::file_size(path);
  for (std::uintmax_t kept = 0; kept < whole; kept += (kept < 1200 ? 13 : 997)) {
    const fs::path cut = folder() / "cut.so";
    fs::copy_file(path, cut, fs::copy_options::overwrite_existing);
    fs::resize_file(cut, kept);
    EXPECT_THROW(static_cast<void>(openmpi_communicator({.path = cut})), core::IntegrityError) << kept;
  }
}

TEST_F(FakePlugin, that_is_text_is_refused) {
  std::ofstream(folder() / "text.so") << std::string(5000, 'x');
  EXPECT_EQ(error_of<core::IntegrityError>(folder() / "text.so"), "a file that is no library");
}

TEST_F(FakePlugin, is_found_by_the_environment_variable) {
  setenv("LUBAN_OPENMPI_PLUGIN", fake("nothing").c_str(), 1);
  EXPECT_EQ(plugin_path("openmpi"), fake("nothing"));
  const Plugin found = find_plugin("openmpi");
  EXPECT_TRUE(found.present);
  EXPECT_TRUE(found.usable) << found.why_not;
  EXPECT_EQ(found.library, "fake 1.0");
  setenv("LUBAN_OPENMPI_PLUGIN", fake("other_version").c_str(), 1);
  EXPECT_TRUE(find_plugin("openmpi").present);
  EXPECT_FALSE(find_plugin("openmpi").usable);
  EXPECT_FALSE(find_plugin("openmpi").why_not.empty());
}

TEST_F(FakePlugin, is_looked_for_beside_the_library) {
  EXPECT_EQ(plugin_path("openmpi").filename(), "libluban_parallel_openmpi.so");
  EXPECT_TRUE(plugin_path("openmpi").is_absolute());
  const Plugin none = find_plugin("nccl");
  EXPECT_FALSE(none.present);
  EXPECT_FALSE(none.usable);
}

TEST_F(FakePlugin, long_data_go_in_messages_of_the_largest_size) {
  constexpr std::size_t largest = 64;
  const std::shared_ptr<Communicator> ranks = world(3, "", largest);
  const auto seen = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "fake_largest_message"));
  EXPECT_EQ(seen, nullptr) << "a plugin's symbols are nobody else's";
  for (const std::size_t length : {0U, 1U, 20U, 21U, 22U, 64U, 65U, 1000U}) {
    std::string data;
    for (std::size_t i = 0; i < length; ++i) data += static_cast<char>('a' + i % 26);
    EXPECT_EQ(ranks->broadcast(data), data);
    EXPECT_EQ(ranks->all_gather(data), (std::vector<std::string>{data, data, data})) << length;
    std::vector<double> values(length, 2.0);
    ranks->all_reduce(std::span(values), Reduction::sum);
    EXPECT_EQ(values, std::vector<double>(length, 6.0));
    std::vector<float> floats(length, 2.0F);
    ranks->all_reduce(std::span(floats), Reduction::sum);
    EXPECT_EQ(floats, std::vector<float>(length, 6.0F));
  }
}

TEST_F(FakePlugin, an_error_of_the_library_arrives_with_rank_and_text) {
  const std::shared_ptr<Communicator> ranks = world(2, "exchange");
  try {
    ranks->barrier();
    FAIL() << "the error was lost";
  } catch (const core::ParallelError& error) {
    EXPECT_EQ(error.detail().received, "MPI_Iallgather: MPI_ERR_INTERN: internal error");
    EXPECT_EQ(error.detail().place, "rank 0 of 2, fake");
  }
  EXPECT_THROW(ranks->barrier(), core::LifecycleError) << "what MPI does after an error is undefined";
  EXPECT_THROW(static_cast<void>(world(2, "broadcast")->broadcast("x")), core::ParallelError);
  EXPECT_THROW(static_cast<void>(world(2, "open")), core::ParallelError);
}

TEST_F(FakePlugin, a_rank_that_left_is_an_error) {
  const std::shared_ptr<Communicator> ranks = world(2, "left");
  try {
    ranks->barrier();
    FAIL() << "nobody noticed";
  } catch (const core::ParallelError& error) {
    EXPECT_EQ(error.detail().received, "rank 1 of 2, which has ended");
  }
  ranks->agree("nobody is told any more");
}

TEST_F(FakePlugin, a_wait_stops_when_asked) {
  const std::shared_ptr<Communicator> ranks = world(2, "wait");
  std::stop_source stop;
  core::CallControl control;
  control.stop = stop.get_token();
  std::atomic<bool> refused = false;
  std::jthread other([&] {
    while (!refused) {
      try {
        ranks->barrier(control);
      } catch (const core::LifecycleError&) {
        refused = true;  // either two threads at once, or after the stop
      } catch (const core::StoppedError&) {
        refused = true;
      }
    }
  });
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    stop.request_stop();
  });
  try {
    ranks->barrier(control);
  } catch (const core::Error&) {
    SUCCEED();
  }
  other.join();
  EXPECT_THROW(ranks->barrier(), core::LifecycleError) << "it no longer takes part";
}

TEST_F(FakePlugin, of_another_size_than_the_launchers_is_an_error) {
  setenv("LUBAN_FAKE_SIZE", "1", 1);
  const auto lookup = [](const char* name) -> const char* {
    if (std::string(name) == "OMPI_COMM_WORLD_SIZE") return "4";
    return std::string(name) == "OMPI_COMM_WORLD_RANK" ? "2" : nullptr;
  };
  try {
    static_cast<void>(environment_communicator({.plugin_path = copy().string()}, lookup));
    FAIL() << "four groups of one, and nobody said so";
  } catch (const core::ParallelError& error) {
    EXPECT_EQ(error.detail().expected, "a group of 4 ranks, as mpirun says");
    EXPECT_EQ(error.detail().received, "an MPI that knows of 1");
  }
  const auto pmix = [](const char* name) { return std::string(name) == "PMIX_RANK" ? "2" : nullptr; };
  EXPECT_THROW(static_cast<void>(environment_communicator({.plugin_path = copy().string()}, pmix)),
               core::ParallelError);
  setenv("LUBAN_FAKE_SIZE", "4", 1);
  EXPECT_EQ(environment_communicator({.plugin_path = copy().string()}, lookup)->size(), 4);
  EXPECT_EQ(environment_communicator({.plugin_path = copy().string()}, pmix)->size(), 4);
  EXPECT_THROW(static_cast<void>(environment_communicator({.ranks = 3, .plugin_path = copy().string()}, pmix)),
               core::ParallelError);
}

TEST_F(FakePlugin, refuses_options_out_of_range) {
  EXPECT_THROW(static_cast<void>(openmpi_communicator({.largest_message = 0})), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(openmpi_communicator({.largest_message = 1ULL << 31U})), core::ConfigurationError);
  EXPECT_THROW(static_cast<void>(openmpi_communicator({.patience_ms = -1})), core::ConfigurationError);
}

using FakePluginDeathTest = FakePlugin;

TEST_F(FakePluginDeathTest, leaves_once_when_the_process_ends) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        static_cast<void>(world(1));
        std::exit(5);
      },
      testing::ExitedWithCode(5), "^the fake plugin leaves\n$");
}

TEST_F(FakePluginDeathTest, abort_says_why_and_ends_the_process) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(world(2)->abort(7, "no licence"), testing::ExitedWithCode(7), "ends the job: no licence");
}

}  // namespace
}  // namespace luban::parallel
