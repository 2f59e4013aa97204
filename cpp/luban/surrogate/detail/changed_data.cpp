#include <luban/surrogate/detail/changed_data.hpp>

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <luban/features/cells.hpp>

namespace luban::surrogate::detail {

namespace {

NewReadings each_alone(const features::Dataset& data, Eigen::Index response, const Eigen::VectorXd& weights) {
  NewReadings out;
  std::vector<Eigen::Index> kept;
  for (const Eigen::Index reading : features::cells_of_readings(data).order) {
    if (weights(reading) > 0.0) kept.push_back(reading);
  }
  const auto count = static_cast<Eigen::Index>(kept.size());
  out.means.X = data.X(kept, Eigen::all);
  out.means.mean = data.Y.col(response)(kept);
  out.means.weight = Eigen::VectorXd::Ones(count);
  out.means.scatter = Eigen::VectorXd::Zero(count);
  out.means.readings = Eigen::VectorXd::Ones(count);
  out.means.n = count;
  for (const Eigen::Index reading : kept) {
    out.means.run.push_back(static_cast<std::int32_t>(out.run_ids.size()));
    out.run_ids.push_back(data.run_ids[static_cast<std::size_t>(data.run[static_cast<std::size_t>(reading)])]);
  }
  return out;
}

// What is left of the old data, with room for `added` rows after it. Runs keep their order and numbers; one that lost
// all rows is empty.
TrainingData kept_rows(const TrainingData& data, const std::vector<Eigen::Index>& removed, Eigen::Index added) {
  std::vector<Eigen::Index> kept;
  std::vector<Eigen::Index> moved(static_cast<std::size_t>(data.u()), -1);
  std::size_t next = 0;
  for (Eigen::Index row = 0; row < data.u(); ++row) {
    if (next < removed.size() && removed[next] == row) {
      ++next;
      continue;
    }
    moved[static_cast<std::size_t>(row)] = static_cast<Eigen::Index>(kept.size());
    kept.push_back(row);
  }
  const auto k = static_cast<Eigen::Index>(kept.size());
  TrainingData out;
  out.X.resize(k + added, data.X.cols());
  out.X.topRows(k) = data.X(kept, Eigen::all);
  const auto taken = [&](const Eigen::VectorXd& from) {
    Eigen::VectorXd to(k + added);
    to.head(k) = from(kept);
    return to;
  };
  out.y = taken(data.y);
  out.weight = taken(data.weight);
  out.scatter = taken(data.scatter);
  out.readings = taken(data.readings);
  out.run_ids = data.run_ids;
  out.runs.resize(data.runs.size());
  for (std::size_t run = 0; run < data.runs.size(); ++run) {
    for (const Eigen::Index row : data.runs[run]) {
      if (moved[static_cast<std::size_t>(row)] >= 0) out.runs[run].push_back(moved[static_cast<std::size_t>(row)]);
    }
  }
  out.within_ss = data.within_ss;
  out.log_weight_sum = data.log_weight_sum;
  out.n = data.n;
  out.location = data.location;
  out.scale = data.scale;
  return out;
}

}  // namespace

NewReadings new_readings(const features::Dataset& data, Eigen::Index response, bool reduced) {
  Eigen::VectorXd weights(data.n());
  for (Eigen::Index i = 0; i < data.n(); ++i) weights(i) = std::isnan(data.Y(i, response)) ? 0.0 : 1.0;
  if (weights.size() == 0 || weights.maxCoeff() == 0.0) return {};
  if (!reduced) return each_alone(data, response, weights);
  return {.means = features::reduce(data, response, weights), .run_ids = data.run_ids};
}

std::vector<Place> places_of(const TrainingData& data, const NewReadings& added, bool reduced) {
  std::vector<Place> out(static_cast<std::size_t>(added.count()));
  if (!reduced) return out;
  std::unordered_map<std::string, std::ptrdiff_t> known;
  for (std::size_t run = 0; run < data.run_ids.size(); ++run) {
    known.emplace(data.run_ids[run], static_cast<std::ptrdiff_t>(run));
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto found = known.find(added.run_ids[static_cast<std::size_t>(added.means.run[i])]);
    if (found == known.end()) continue;
    out[i].run = found->second;
    for (const Eigen::Index row : data.runs[static_cast<std::size_t>(found->second)]) {
      if (data.X.row(row) == added.means.X.row(static_cast<Eigen::Index>(i))) out[i].row = row;
    }
  }
  return out;
}

ChangedData with_readings(const TrainingData& data, const NewReadings& added, bool reduced) {
  const std::vector<Place> places = places_of(data, added, reduced);
  ChangedData out;
  out.added = added.count();
  for (const Place& place : places) {
    if (place.row >= 0) out.removed.push_back(place.row);
  }
  std::sort(out.removed.begin(), out.removed.end());
  out.data = kept_rows(data, out.removed, out.added);
  TrainingData& to = out.data;
  const Eigen::Index first = to.u() - out.added;
  std::unordered_map<std::int32_t, std::size_t> opened;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto at = static_cast<Eigen::Index>(i);
    const Eigen::Index row = first + at;
    const double y = (added.means.mean(at) - to.location) / to.scale;
    const double weight = added.means.weight(at);
    const double scatter = added.means.scatter(at) / (to.scale * to.scale);
    to.X.row(row) = added.means.X.row(at);
    to.y(row) = y;
    to.weight(row) = weight;
    to.scatter(row) = scatter;
    to.readings(row) = added.means.readings(at);
    to.within_ss += scatter;
    if (const Eigen::Index old = places[i].row; old >= 0) {
      const double total = data.weight(old) + weight;
      const double moved = y - data.y(old);
      const double between = data.weight(old) * weight / total * moved * moved;
      to.y(row) = data.y(old) + weight / total * moved;
      to.weight(row) = total;
      to.scatter(row) += data.scatter(old) + between;
      to.readings(row) += data.readings(old);
      to.within_ss += between;
    }
    if (places[i].run >= 0) {
      to.runs[static_cast<std::size_t>(places[i].run)].push_back(row);
      continue;
    }
    const auto [run, fresh] = opened.try_emplace(added.means.run[i], to.runs.size());
    if (fresh) {
      to.runs.emplace_back();
      to.run_ids.push_back(added.run_ids[static_cast<std::size_t>(added.means.run[i])]);
    }
    to.runs[run->second].push_back(row);
  }
  to.n += added.means.n;
  return out;
}

ChangedData without_runs(const TrainingData& data, const std::vector<std::string>& run_ids) {
  const std::unordered_set<std::string> leaving(run_ids.begin(), run_ids.end());
  ChangedData out;
  for (std::size_t run = 0; run < data.runs.size(); ++run) {
    if (!leaving.contains(data.run_ids[run])) continue;
    out.removed.insert(out.removed.end(), data.runs[run].begin(), data.runs[run].end());
  }
  std::sort(out.removed.begin(), out.removed.end());
  out.data = kept_rows(data, out.removed, 0);
  TrainingData& to = out.data;
  for (const Eigen::Index row : out.removed) {
    to.within_ss -= data.scatter(row);
    to.n -= static_cast<Eigen::Index>(std::llround(data.readings(row)));
  }
  to.within_ss = std::max(to.within_ss, 0.0);
  std::size_t kept = 0;
  for (std::size_t run = 0; run < to.runs.size(); ++run) {
    if (to.runs[run].empty()) continue;
    if (kept != run) {
      to.runs[kept] = std::move(to.runs[run]);
      to.run_ids[kept] = std::move(to.run_ids[run]);
    }
    ++kept;
  }
  to.runs.resize(kept);
  to.run_ids.resize(kept);
  return out;
}

}  // namespace luban::surrogate::detail
