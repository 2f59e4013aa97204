// fuzz CORPUS FINDINGS SECONDS SEED: changed inputs without end, each read in a child process with limits.
//
// Input k follows from the seed and k alone. What a child dies of is told by the frames of its report: our own, or
// libhdf5's. Inputs that somebody died of are kept in FINDINGS. Exit code 1 when a finding is ours.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <typeinfo>

#include <luban/core/random.hpp>

#include "mutate.hpp"
#include "targets.hpp"

// Of the sanitizers' run-time library; absent in other builds.
extern "C" void __sanitizer_print_stack_trace() __attribute__((weak));

namespace luban::fuzz {
namespace {

namespace fs = std::filesystem;

enum class Kind { file, list, segment, codec, json };
constexpr const char* kind_names[] = {"file", "list", "segment", "codec", "json"};
constexpr int foreign_exception = 77;
constexpr long most_seconds = 20;  // of the processor, for one input, under sanitizers
constexpr const char* list_name = "luban-history.json";

std::string read_all(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_all(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

struct Corpus {
  fs::path folder;  ///< a folder of segments
  std::vector<Seed> files, segments, chunks, texts;
};

Corpus load(const fs::path& root) {
  Corpus corpus{root / "line", {}, {}, {}, {}};
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const fs::path& path : paths) {
    Seed seed = make_seed(path.filename().string(), read_all(path));
    if (path.extension() == ".chunk") {
      corpus.chunks.push_back(std::move(seed));
    } else if (path.extension() == ".json") {
      corpus.texts.push_back(std::move(seed));
    } else if (path.extension() == ".h5") {
      (path.parent_path() == corpus.folder ? corpus.segments : corpus.files).push_back(std::move(seed));
    }
  }
  return corpus;
}

const Seed& one_of(const std::vector<Seed>& seeds, core::Generator& random) {
  return seeds[random.below(seeds.size())];
}

struct Input {
  Kind kind = Kind::file;
  std::string name;  ///< of the corpus file
  std::string bytes;
};

Input make_input(const Corpus& corpus, std::uint64_t seed, std::uint64_t number) {
  core::Generator random = core::RandomKey(seed).child(number).generator();
  const std::uint64_t draw = random.below(16);
  const Kind kind = draw < 8    ? Kind::file
                    : draw < 10 ? Kind::list
                    : draw < 12 ? Kind::segment
                    : draw < 14 ? Kind::codec
                                : Kind::json;
  if (kind == Kind::list) return {kind, list_name, mutate_text(read_all(corpus.folder / list_name), random)};
  if (kind == Kind::json) {
    const Seed& seed_text = one_of(corpus.texts, random);
    return {kind, seed_text.name, mutate_text(seed_text.bytes, random)};
  }
  const std::vector<Seed>& seeds = kind == Kind::file      ? corpus.files
                                   : kind == Kind::segment ? corpus.segments
                                                           : corpus.chunks;
  const Seed& chosen = one_of(seeds, random);
  return {kind, chosen.name, mutate(chosen, one_of(seeds, random), random)};
}

/// Gives an input to what it is for; `work` is a folder of this child's own.
void run(const Input& input, const Corpus& corpus, const fs::path& work) {
  switch (input.kind) {
    case Kind::codec:
      return decode(input.bytes);
    case Kind::json:
      return parse_json(input.bytes);
    case Kind::file:
      write_all(work / "input.h5", input.bytes);
      return read_history(work / "input.h5");
    default: {
      const fs::path folder = work / "line";
      if (!fs::exists(folder)) fs::copy(corpus.folder, folder);
      const std::string intact = read_all(folder / input.name);
      write_all(folder / input.name, input.bytes);
      read_history(folder);
      write_all(folder / input.name, intact);
    }
  }
}

/// Says where an input that takes too long is; a child that is about to end may do so in a handler.
void too_long(int) {
  std::fputs("foreign exception: too long\n", stderr);
  if (__sanitizer_print_stack_trace != nullptr) __sanitizer_print_stack_trace();
  ::_exit(foreign_exception);
}

/// What a child died of.
struct Death {
  bool ours = true;
  std::string what;  ///< the sanitizer's words and the first frames: the same for the same fault
};

bool has(const std::string& line, const char* part) {
  return line.find(part) != std::string::npos;
}

/// The kind of fault, without the addresses that differ from run to run.
std::string headline(const std::string& line) {
  for (const char* mark : {"AddressSanitizer: ", "runtime error: ", "foreign exception: ", "hard rss limit"}) {
    if (const std::size_t at = line.find(mark); at != std::string::npos) {
      return line.substr(at, std::min<std::size_t>(line.find("0x", at), at + 90) - at);
    }
  }
  return {};
}

Death judge(const std::string& report, int status) {
  std::istringstream lines(report);
  Death death;
  std::string frames;
  bool ours = false, theirs = false;
  int kept = 0;
  for (std::string line; kept < 4 && std::getline(lines, line);) {
    if (death.what.empty()) death.what = headline(line);
    const std::size_t in = line.find(" in ");
    if (line.find("    #") != 0 || in == std::string::npos || has(line, " in too_long")) continue;
    const bool library = has(line, "libhdf5");
    const bool own = has(line, "/cpp/luban/") || has(line, "libluban") || has(line, "/tests/fuzz/");
    if (!library && !own) continue;  // a run-time library says nothing of whose fault it is
    if (!ours && !theirs) (library ? theirs : ours) = true;
    frames += " < " + line.substr(in + 4, line.find_first_of(" (", in + 4) - in - 4);
    ++kept;
  }
  death.ours = !theirs;
  if (death.what.empty()) {
    death.what = WIFSIGNALED(status) ? std::string("signal ") + ::strsignal(WTERMSIG(status)) : "exit code";
  }
  death.what += frames;
  return death;
}

class Campaign {
 public:
  Campaign(const fs::path& corpus, const fs::path& findings, std::uint64_t seed)
      : corpus_(load(corpus)), findings_(findings), work_(findings / "work"), seed_(seed) {
    fs::create_directories(work_);
    current_ = static_cast<std::uint64_t*>(
        ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  }

  int go(std::chrono::seconds length) {
    const auto end = std::chrono::steady_clock::now() + length;
    std::uint64_t next = 0;
    while (std::chrono::steady_clock::now() < end) next = batch(next, end);
    for (const auto& [what, count] : seen_) std::cout << count << " x " << what << "\n";
    std::cout << next << " inputs, " << ours_ << " findings in our frames, " << theirs_ << " in libhdf5's\n";
    fs::remove_all(work_);
    return ours_ == 0 ? 0 : 1;
  }

 private:
  /// Gives inputs to one child until it dies or has had enough; returns the number of the next input.
  std::uint64_t batch(std::uint64_t first, std::chrono::steady_clock::time_point end) {
    constexpr std::uint64_t inputs = 64;
    const fs::path report = work_ / "report";
    *current_ = first;
    std::cout.flush();
    const pid_t child = ::fork();
    if (child == 0) child_main(first, first + inputs, end, report);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return *current_;
    found(*current_, judge(read_all(report), status), read_all(report));
    return *current_ + 1;
  }

  [[noreturn]] void child_main(std::uint64_t first, std::uint64_t last, std::chrono::steady_clock::time_point end,
                               const fs::path& report) {
    const int out = ::open(report.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ::dup2(out, STDERR_FILENO);
    const rlimit files{std::size_t{1} << 28, std::size_t{1} << 28};
    ::setrlimit(RLIMIT_FSIZE, &files);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::signal(SIGPROF, &too_long);
    std::uint64_t number = first;
    for (; number < last && std::chrono::steady_clock::now() < end; ++number) {
      *current_ = number;
      const itimerval timer{{0, 0}, {most_seconds, 0}};
      ::setitimer(ITIMER_PROF, &timer, nullptr);
      try {
        run(make_input(corpus_, seed_, number), corpus_, work_);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "foreign exception: %s: %s\n", typeid(error).name(), error.what());
        ::_exit(foreign_exception);
      }
    }
    *current_ = number;
    ::_exit(0);
  }

  void found(std::uint64_t number, const Death& death, const std::string& report) {
    (death.ours ? ours_ : theirs_) += 1;
    const std::string what = (death.ours ? "[ours] " : "[libhdf5] ") + death.what;
    if (++seen_[what] > 3) return;  // a few of each
    const Input input = make_input(corpus_, seed_, number);
    const fs::path kept = findings_ / ((death.ours ? "ours-" : "libhdf5-") + std::to_string(number) + "-" +
                                       kind_names[static_cast<std::size_t>(input.kind)] + "-" + input.name);
    write_all(kept, input.bytes);
    write_all(kept.string() + ".txt", report);
    std::cout << what << "\n  kept as " << kept.string() << "\n";
    fs::remove_all(work_ / "line");
  }

  Corpus corpus_;
  fs::path findings_, work_;
  std::uint64_t seed_;
  std::uint64_t* current_ = nullptr;  // shared with the child: the input that it is at
  std::map<std::string, std::uint64_t> seen_;
  std::uint64_t ours_ = 0, theirs_ = 0;
};

}  // namespace
}  // namespace luban::fuzz

int main(int count, char** arguments) {
  if (count != 5) {
    std::cerr << "fuzz CORPUS FINDINGS SECONDS SEED\n";
    return 2;
  }
  const std::chrono::seconds length(std::strtol(arguments[3], nullptr, 10));
  return luban::fuzz::Campaign(arguments[1], arguments[2], std::strtoull(arguments[4], nullptr, 10)).go(length);
}
