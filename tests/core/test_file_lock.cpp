#include <atomic>
#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <luban/core/error.hpp>
#include <luban/core/file_lock.hpp>

#include "folder.hpp"

namespace luban::core {
namespace {

using testing::Folder;
using testing::read_bytes;

/// Another process that holds a lock until it is killed.
class Holder {
 public:
  explicit Holder(const std::filesystem::path& file) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    process_ = ::fork();
    if (process_ == 0) {
      const FileLock lock(file, "child");
      if (::write(ends[1], "x", 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    ::close(ends[1]);
    char byte = 0;
    EXPECT_EQ(::read(ends[0], &byte, 1), 1);
    ::close(ends[0]);
  }
  ~Holder() { kill(); }
  void kill() {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
    process_ = 0;
  }
  [[nodiscard]] pid_t process() const { return process_; }

 private:
  pid_t process_ = 0;
};

TEST(file_lock, is_held_by_one_object_at_a_time) {
  const Folder folder;
  {
    const FileLock lock(folder / "h.h5", "test");
    EXPECT_THROW(FileLock(folder / "h.h5", "test"), LifecycleError);
    const FileLock other(folder / "other.h5", "test");
  }
  EXPECT_EQ(folder.file_count(), 0U) << "a lock that was handed back leaves nothing";
  const FileLock again(folder / "h.h5", "test");
}

TEST(file_lock, says_which_process_holds_it_and_survives_its_death) {
  const Folder folder;
  Holder holder(folder / "h.h5");
  try {
    const FileLock lock(folder / "h.h5", "somewhere.write");
    FAIL() << "two processes hold the lock";
  } catch (const LifecycleError& error) {
    EXPECT_EQ(error.detail().where, "somewhere.write");
    EXPECT_EQ(error.detail().place, std::filesystem::canonical(folder.path()) / "h.h5");
    EXPECT_NE(error.detail().received.find("process " + std::to_string(holder.process()) + " on "), std::string::npos)
        << error.what();
  }
  holder.kill();
  EXPECT_TRUE(std::filesystem::exists(folder / ".h.h5.lock")) << "the test is about what a crash leaves";
  const FileLock lock(folder / "h.h5", "test");
  EXPECT_EQ(read_bytes(folder / ".h.h5.lock").find("process " + std::to_string(::getpid()) + " on "), 0U);
}

TEST(file_lock, goes_back_although_a_child_process_inherited_it) {
  const Folder folder;
  std::optional<FileLock> lock(std::in_place, folder / "h.h5", "test");
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) ::pause();
  }
  lock.reset();
  EXPECT_NO_THROW(FileLock(folder / "h.h5", "test"));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST(file_lock, is_of_the_real_file) {
  const Folder folder;
  std::filesystem::create_directory(folder / "there");
  std::filesystem::create_symlink("there/real.h5", folder / "link.h5");
  const FileLock lock(folder / "link.h5", "test");
  EXPECT_THROW(FileLock(folder / "there/real.h5", "test"), LifecycleError);
  EXPECT_THROW(FileLock(folder / "there/../link.h5", "test"), LifecycleError);
}

TEST(file_lock, of_another_user_is_no_obstacle) {
  const Folder folder;
  const mode_t before = ::umask(077);
  const FileLock lock(folder / "h.h5", "test");
  ::umask(before);
  struct stat found {};
  ASSERT_EQ(::stat((folder / ".h.h5.lock").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0666U);
}

TEST(file_lock, keeps_threads_apart_while_it_comes_and_goes) {
  const Folder folder;
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  std::atomic<int> taken = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int tries = 0; tries < 400; ++tries) {
          try {
            const FileLock lock(folder / "h.h5", "test");
            const int now = ++inside;
            if (now > most) most = now;
            ++taken;
            std::this_thread::yield();
            --inside;
          } catch (const LifecycleError&) {  // another thread has it: that is the point
          }
        }
      });
    }
  }
  EXPECT_EQ(most, 1);
  EXPECT_GT(taken, 0);
  EXPECT_EQ(folder.file_count(), 0U);
}

TEST(file_lock, needs_a_folder) {
  const Folder folder;
  EXPECT_THROW(FileLock(folder / "no/such/h.h5", "test"), IoError);
}

}  // namespace
}  // namespace luban::core
