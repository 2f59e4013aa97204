#include <luban/surrogate/detail/training_data.hpp>

#include <algorithm>
#include <cmath>
#include <map>

#include <luban/features/robust_weights.hpp>

namespace luban::surrogate::detail {

TrainingData standardise(const features::Reduction& reduction, const std::vector<std::string>& run_ids) {
  TrainingData out;
  const double total = reduction.weight.sum();
  out.location = reduction.weight.dot(reduction.mean) / total;
  const Eigen::VectorXd centred = reduction.mean.array() - out.location;
  const double most = std::max(centred.cwiseAbs().maxCoeff(), 1e-300);  // so that no square is too large or too small
  const double between = most * std::sqrt(reduction.weight.dot((centred / most).cwiseAbs2()) / total);
  const double sd = std::hypot(between, std::sqrt(reduction.within_ss / total));
  // A response that never varies keeps its own unit.
  out.scale = features::varies(out.location, out.location + sd) ? sd : 1.0;
  out.X = reduction.X;
  out.y = centred / out.scale;
  out.weight = reduction.weight;
  out.scatter = reduction.scatter / (out.scale * out.scale);
  out.within_ss = reduction.within_ss / (out.scale * out.scale);
  out.readings = reduction.readings;
  out.log_weight_sum = reduction.log_weight_sum;
  out.n = reduction.n;
  std::map<std::int32_t, std::size_t> place;
  for (std::size_t i = 0; i < reduction.run.size(); ++i) {
    const auto [at, added] = place.try_emplace(reduction.run[i], out.runs.size());
    if (added) {
      out.runs.emplace_back();
      if (!run_ids.empty()) out.run_ids.push_back(run_ids[static_cast<std::size_t>(reduction.run[i])]);
    }
    out.runs[at->second].push_back(static_cast<Eigen::Index>(i));
  }
  return out;
}

TrainingData first_runs(const TrainingData& data, const std::vector<std::size_t>& order, Eigen::Index points) {
  TrainingData out;
  std::vector<Eigen::Index> rows;
  for (const std::size_t run : order) {
    if (static_cast<Eigen::Index>(rows.size()) >= points) break;
    out.runs.emplace_back();
    for (const Eigen::Index row : data.runs[run]) {
      out.runs.back().push_back(static_cast<Eigen::Index>(rows.size()));
      rows.push_back(row);
    }
  }
  const double share = static_cast<double>(rows.size()) / static_cast<double>(data.u());
  out.X = data.X(rows, Eigen::all);
  out.y = data.y(rows);
  out.weight = data.weight(rows);
  if (data.readings.size() > 0) {
    out.scatter = data.scatter(rows);
    out.readings = data.readings(rows);
  }
  out.known_within = data.known_within;
  out.extra_noise = data.extra_noise;
  out.within_ss = share * data.within_ss;
  out.log_weight_sum = share * data.log_weight_sum;
  out.n = out.u() + static_cast<Eigen::Index>(std::llround(share * static_cast<double>(data.n - data.u())));
  out.location = data.location;
  out.scale = data.scale;
  return out;
}

}  // namespace luban::surrogate::detail
