#include <algorithm>
#include <bit>
#include <luban/core/error.hpp>
#include <luban/core/time.hpp>
#include <luban/history/detail/merge_material.hpp>
#include <set>
#include <tuple>

namespace luban::history::detail {
namespace {

// Equal bits: NaN equals NaN, so that a row without a number is found again.
std::uint64_t bits(double value) {
  return std::bit_cast<std::uint64_t>(value);
}

auto key(const Genealogy& lots, std::size_t i) {
  return std::tie(lots.child_lot[i], lots.parent_lot[i], lots.unit[i], lots.time[i]);
}

struct Samples {
  const TraceColumn* channel = nullptr;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::int64_t start = core::UtcTime::missing_count;
  std::int32_t source = -1;
  [[nodiscard]] std::size_t size() const noexcept { return end - begin; }
};

Samples samples_of(const TraceColumn& channel, std::size_t run) {
  return {&channel, static_cast<std::size_t>(channel.offsets[run]), static_cast<std::size_t>(channel.offsets[run + 1]),
          channel.start_time[run], channel.source[run]};
}

bool same(const Samples& a, const Samples& b) {
  const auto equal = [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y);
  };
  return a.size() == b.size() && a.start == b.start &&
         std::equal(a.channel->values.begin() + static_cast<std::ptrdiff_t>(a.begin),
                    a.channel->values.begin() + static_cast<std::ptrdiff_t>(a.end),
                    b.channel->values.begin() + static_cast<std::ptrdiff_t>(b.begin), equal);
}

void append(TraceColumn& to, const Samples& samples) {
  if (samples.channel != nullptr) {
    const auto range = [&samples](const auto& values) {
      return std::pair(values.begin() + static_cast<std::ptrdiff_t>(samples.begin),
                       values.begin() + static_cast<std::ptrdiff_t>(samples.end));
    };
    const auto [first, last] = range(samples.channel->values);
    to.values.insert(to.values.end(), first, last);
    if (to.period == 0) {
      const auto [earliest, latest] = range(samples.channel->times);
      to.times.insert(to.times.end(), earliest, latest);
    }
  }
  to.offsets.push_back(static_cast<std::int64_t>(to.values.size()));
  to.start_time.push_back(samples.start);
  to.source.push_back(samples.size() > 0 ? samples.source : -1);
}

[[noreturn]] void unfit(const TraceColumn& before, const TraceColumn& now) {
  const auto words = [](const TraceColumn& channel) {
    return "unit `" + channel.unit + "`, period " + std::to_string(channel.period) + " ns";
  };
  throw core::ConfigurationError({.where = "history.merge",
                                  .expected = words(before) + ", as before",
                                  .received = words(now),
                                  .place = "trace " + before.name,
                                  .hint = "another rate is another trace: give it a name of its own"});
}

TraceColumn empty_like(const TraceColumn& channel) {
  return {.name = channel.name,
          .unit = channel.unit,
          .period = channel.period,
          .values = {},
          .offsets = {0},
          .start_time = {},
          .times = {},
          .source = {}};
}

}  // namespace

std::int64_t merge_genealogy(Genealogy& to, const Genealogy& from, std::int32_t sources) {
  std::set<std::tuple<std::string, std::string, std::string, std::int64_t, std::uint64_t>> known;
  for (std::size_t i = 0; i < to.size(); ++i)
    known.insert(std::tuple_cat(key(to, i), std::tuple(bits(to.quantity[i]))));
  std::int64_t added = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (!known.insert(std::tuple_cat(key(from, i), std::tuple(bits(from.quantity[i])))).second) continue;
    to.child_lot.push_back(from.child_lot[i]);
    to.parent_lot.push_back(from.parent_lot[i]);
    to.quantity.push_back(from.quantity[i]);
    to.unit.push_back(from.unit[i]);
    to.time.push_back(from.time[i]);
    to.source.push_back(from.source[i] + sources);
    ++added;
  }
  return added;
}

std::int64_t merge_recipes(Recipes& to, const Recipes& from, std::int32_t sources) {
  using Key = std::tuple<std::string, std::string, std::string, std::string, std::uint64_t>;
  const auto row = [](const Recipes& recipes, std::size_t i) {
    return Key(recipes.recipe[i], recipes.parameter[i], recipes.category[i], recipes.unit[i], bits(recipes.value[i]));
  };
  std::set<Key> known;
  for (std::size_t i = 0; i < to.size(); ++i) known.insert(row(to, i));
  std::int64_t added = 0;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (!known.insert(row(from, i)).second) continue;
    to.recipe.push_back(from.recipe[i]);
    to.parameter.push_back(from.parameter[i]);
    to.value.push_back(from.value[i]);
    to.category.push_back(from.category[i]);
    to.unit.push_back(from.unit[i]);
    to.source.push_back(from.source[i] + sources);
    ++added;
  }
  return added;
}

std::int64_t merge_traces(std::vector<TraceColumn>& to, const std::vector<TraceColumn>& from, const RunPlaces& places,
                          const TraceRefusal& refuse) {
  std::vector<std::int64_t> origin(places.total, -1);  // run of the history → run of the addition
  for (std::size_t i = 0; i < places.target.size(); ++i) {
    if (places.target[i] >= 0) origin[static_cast<std::size_t>(places.target[i])] = static_cast<std::int64_t>(i);
  }
  for (const TraceColumn& channel : from) {
    const auto known = std::find_if(to.begin(), to.end(), [&](const auto& c) { return c.name == channel.name; });
    if (channel.values.empty()) continue;
    if (known == to.end()) {
      to.push_back(empty_like(channel));
      for (std::size_t run = 0; run < places.stored; ++run) append(to.back(), {});
    } else if (known->unit != channel.unit || known->period != channel.period) {
      unfit(*known, channel);
    }
  }
  std::int64_t added = 0;
  for (TraceColumn& channel : to) {
    const auto more = std::find_if(from.begin(), from.end(), [&](const auto& c) { return c.name == channel.name; });
    TraceColumn out = empty_like(channel);
    for (std::size_t run = 0; run < places.total; ++run) {
      const Samples before = run < places.stored ? samples_of(channel, run) : Samples{};
      Samples now;
      if (more != from.end() && origin[run] >= 0) now = samples_of(*more, static_cast<std::size_t>(origin[run]));
      if (now.source >= 0) now.source += places.sources;
      const bool keeps = before.size() > 0;
      if (keeps && now.size() > 0 && !same(before, now)) {
        refuse(static_cast<std::size_t>(origin[run]), channel.name, std::to_string(now.size()) + " samples");
      }
      if (!keeps && now.size() > 0) ++added;
      append(out, keeps || now.size() == 0 ? before : now);
    }
    channel = std::move(out);
  }
  return added;
}

}  // namespace luban::history::detail
