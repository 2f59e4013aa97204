#include <luban/parallel/communicator.hpp>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include <luban/core/error.hpp>

namespace luban::parallel {
namespace {

enum class Call : std::uint32_t { barrier, broadcast, broadcast_into, all_reduce, all_gather, split, agree };

constexpr std::array call_names = {"barrier",    "broadcast", "broadcast_into", "all_reduce",
                                   "all_gather", "split",     "agree"};

std::string name_of(Call call) {
  return call_names.at(static_cast<std::size_t>(call));
}

std::string host() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string("unknown host");
}

std::int64_t signed_size(std::size_t size) {
  return static_cast<std::int64_t>(size);
}

std::size_t total(std::span<const std::int64_t> lengths) {
  return static_cast<std::size_t>(std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0}));
}

}  // namespace

/// What a rank tells the others before data moves. Plain values: it travels as bytes between equal programs.
struct Communicator::Announcement {
  Call call = Call::barrier;
  std::uint32_t what = 0;   ///< the root; type and reduction; 1 = failed
  std::int64_t length = 0;  ///< bytes or values
  std::int64_t color = 0;
  std::int64_t key = 0;
};

Communicator::Communicator(std::string kind, int rank, int size) : kind_(std::move(kind)), rank_(rank), size_(size) {}
Communicator::~Communicator() = default;

std::string Communicator::place() const {
  return "rank " + std::to_string(rank_) + " of " + std::to_string(size_) + ", " + kind_;
}

/// What every rank is about to do, by rank. All ranks see the same list, so all of them or none go on.
/// @param error why this rank failed; when a rank failed, those that did get an empty list back, the others throw
std::vector<Communicator::Announcement> Communicator::announce(const Announcement& own,
                                                               const core::CallControl& control,
                                                               std::string_view error) {
  std::vector<Announcement> all(static_cast<std::size_t>(size_));
  exchange(std::as_bytes(std::span(&own, 1)), std::as_writable_bytes(std::span(all)), control);
  const auto failed = [](const Announcement& of) { return of.call == Call::agree && of.what != 0; };
  if (std::any_of(all.begin(), all.end(), failed)) {
    tell_of_failures(error, control);
    return {};
  }
  for (std::size_t other = 0; other < all.size(); ++other) {
    if (all[other].call != own.call) {
      throw core::ParallelError({.where = "parallel." + name_of(own.call),
                                 .expected = "the same call on every rank",
                                 .received = name_of(all[other].call) + " on rank " + std::to_string(other),
                                 .place = place(),
                                 .hint = "every rank must make the same collective calls in the same order"});
    }
  }
  told_ = false;
  return all;
}

/// All ranks are here, whatever they came for: those that failed say why, the others throw it.
void Communicator::tell_of_failures(std::string_view error, const core::CallControl& control) {
  const std::string own = error.empty() ? std::string() : "on " + host() + ": " + std::string(error);
  const std::int64_t length = signed_size(own.size());
  std::vector<std::int64_t> lengths(static_cast<std::size_t>(size_));
  exchange(std::as_bytes(std::span(&length, 1)), std::as_writable_bytes(std::span(lengths)), control);
  std::string texts(total(lengths), '\0');
  collect(own, lengths, std::as_writable_bytes(std::span(texts)));
  if (!error.empty()) return;

  const auto has_failed = [](std::int64_t of) { return of > 0; };
  const auto first = std::find_if(lengths.begin(), lengths.end(), has_failed);
  const auto more = std::count_if(first + 1, lengths.end(), has_failed);
  told_ = true;
  throw core::ParallelError({.where = "parallel.agree",
                             .expected = "every rank to finish its part",
                             .received = "a failure of rank " + std::to_string(first - lengths.begin()) + " " +
                                         texts.substr(0, static_cast<std::size_t>(*first)) +
                                         (more > 0 ? ", and of " + std::to_string(more) + " more" : ""),
                             .place = place(),
                             .hint = {}});
}

void Communicator::barrier(const core::CallControl& control) {
  announce({.call = Call::barrier}, control);
}

void Communicator::check_root(int root, const char* where) const {
  if (root < 0 || root >= size_) {
    throw core::ConfigurationError({.where = where,
                                    .expected = "a root in [0, " + std::to_string(size_) + ")",
                                    .received = std::to_string(root),
                                    .place = place(),
                                    .hint = {}});
  }
}

std::string Communicator::broadcast(std::string_view data, int root, const core::CallControl& control) {
  check_root(root, "parallel.broadcast");
  const Announcement own{.call = Call::broadcast,
                         .what = static_cast<std::uint32_t>(root),
                         .length = rank_ == root ? signed_size(data.size()) : 0};
  const std::vector<Announcement> all = announce(own, control);
  for (const Announcement& of : all) {
    if (of.what != own.what) {
      throw core::ParallelError({.where = "parallel.broadcast",
                                 .expected = "the same root on every rank",
                                 .received = std::to_string(root) + " here, " + std::to_string(of.what) + " elsewhere",
                                 .place = place(),
                                 .hint = {}});
    }
  }
  std::string out = rank_ == root ? std::string(data) : std::string();
  out.resize(static_cast<std::size_t>(all.at(own.what).length));
  if (!out.empty()) spread(std::as_writable_bytes(std::span(out)), root);
  return out;
}

void Communicator::broadcast_into(std::span<std::byte> buffer, int root, const core::CallControl& control) {
  check_root(root, "parallel.broadcast_into");
  const Announcement own{
      .call = Call::broadcast_into, .what = static_cast<std::uint32_t>(root), .length = signed_size(buffer.size())};
  for (const Announcement& of : announce(own, control)) {
    if (of.what != own.what || of.length != own.length) {
      throw core::ParallelError({.where = "parallel.broadcast_into",
                                 .expected = "the same root and the same number of bytes on every rank",
                                 .received = std::to_string(buffer.size()) + " bytes from " + std::to_string(root) +
                                             " here, " + std::to_string(of.length) + " from " +
                                             std::to_string(of.what) + " elsewhere",
                                 .place = place(),
                                 .hint = {}});
    }
  }
  if (!buffer.empty()) spread(buffer, root);
}

void Communicator::reduce(void* values, std::size_t count, ValueKind kind, Reduction how,
                          const core::CallControl& control) {
  const Announcement own{.call = Call::all_reduce,
                         .what = static_cast<std::uint32_t>(kind) * 16 + static_cast<std::uint32_t>(how),
                         .length = signed_size(count)};
  for (const Announcement& of : announce(own, control)) {
    if (of.what != own.what || of.length != own.length) {
      throw core::ParallelError({.where = "parallel.all_reduce",
                                 .expected = "the same reduction of equally many values of one type on every rank",
                                 .received = std::to_string(count) + " values here, " + std::to_string(of.length) +
                                             (of.what != own.what ? " of another type or reduction" : "") +
                                             " elsewhere",
                                 .place = place(),
                                 .hint = {}});
    }
  }
  if (count > 0) join(values, count, kind, how);
}

void Communicator::all_reduce(std::span<double> values, Reduction how, const core::CallControl& control) {
  reduce(values.data(), values.size(), ValueKind::float64, how, control);
}
void Communicator::all_reduce(std::span<float> values, Reduction how, const core::CallControl& control) {
  reduce(values.data(), values.size(), ValueKind::float32, how, control);
}
void Communicator::all_reduce(std::span<std::int64_t> values, Reduction how, const core::CallControl& control) {
  reduce(values.data(), values.size(), ValueKind::int64, how, control);
}

std::vector<std::string> Communicator::all_gather(std::string_view data, const core::CallControl& control) {
  const std::vector<Announcement> all =
      announce({.call = Call::all_gather, .length = signed_size(data.size())}, control);
  std::vector<std::int64_t> lengths(all.size());
  std::transform(all.begin(), all.end(), lengths.begin(), [](const Announcement& of) { return of.length; });
  std::string joined(total(lengths), '\0');
  if (!joined.empty()) collect(data, lengths, std::as_writable_bytes(std::span(joined)));
  std::vector<std::string> out;
  out.reserve(all.size());
  std::size_t begin = 0;
  for (const std::int64_t length : lengths) {
    out.push_back(joined.substr(begin, static_cast<std::size_t>(length)));
    begin += static_cast<std::size_t>(length);
  }
  return out;
}

bool Communicator::any(bool flag, const core::CallControl& control) {
  std::int64_t value = flag ? 1 : 0;
  reduce(&value, 1, ValueKind::int64, Reduction::max, control);
  return value != 0;
}

std::shared_ptr<Communicator> Communicator::split(int color, int key, const core::CallControl& control) {
  if (color < 0) {
    throw core::ConfigurationError({.where = "parallel.split",
                                    .expected = "a color of at least 0",
                                    .received = std::to_string(color),
                                    .place = place(),
                                    .hint = {}});
  }
  const std::vector<Announcement> all = announce({.call = Call::split, .color = color, .key = key}, control);
  std::vector<int> members;
  for (int other = 0; other < size_; ++other) {
    if (all[static_cast<std::size_t>(other)].color == color) members.push_back(other);
  }
  const auto key_of = [&all](int other) { return all[static_cast<std::size_t>(other)].key; };
  std::stable_sort(members.begin(), members.end(), [&](int a, int b) { return key_of(a) < key_of(b); });
  const auto at = std::find(members.begin(), members.end(), rank_);
  return form(color, members, static_cast<int>(at - members.begin()));
}

void Communicator::agree(std::string_view error, const core::CallControl& control) {
  if (error.empty()) {
    announce({.call = Call::agree}, control);
    return;
  }
  if (std::exchange(told_, false) || !usable()) return;  // nobody waits for this rank's word
  try {
    announce({.call = Call::agree, .what = 1}, control, error);
  } catch (const core::ParallelError&) {
    // Another rank is gone: the caller's own error says more.
  }
}

void Communicator::abort(int code, std::string_view why) {
  end_all(code, std::string(why));
  throw core::ParallelError({.where = "parallel.abort",
                             .expected = "to go on",
                             .received = std::string(why) + " (code " + std::to_string(code) + ")",
                             .place = place(),
                             .hint = {}});
}

void together(Communicator& ranks, const std::function<void()>& section, const core::CallControl& control) {
  try {
    section();
  } catch (const std::exception& error) {
    const std::string text = error.what();
    ranks.agree(text.empty() ? "an exception without a text" : text, control);
    throw;
  } catch (...) {
    ranks.agree("an exception of an unknown type", control);
    throw;
  }
  ranks.agree({}, control);
}

}  // namespace luban::parallel
