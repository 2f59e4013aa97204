#include <luban/recommend/detail/trust_region.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace luban::recommend::detail {
namespace {

/// A run's worth: feasible ones by utility, the others by how little they break.
struct Worth {
  double violation = std::numeric_limits<double>::infinity();
  double utility = -std::numeric_limits<double>::infinity();
  [[nodiscard]] bool better_than(const Worth& other) const {
    if (violation != other.violation) return violation < other.violation;
    return utility > other.utility;
  }
  /// By enough to count as a success.
  [[nodiscard]] bool improves_on(const Worth& other, double share) const {
    if (std::isinf(other.violation)) return std::isfinite(violation);
    if (other.violation > 0.0) return violation < (1.0 - share) * other.violation;
    return violation == 0.0 && utility > other.utility + share * std::abs(other.utility);
  }
};

class Replay {
 public:
  Replay(const Eigen::VectorXd& utility, const Eigen::VectorXd& violation, Eigen::Index round, Eigen::Index patience,
         Eigen::Index design, const TrustRegionOptions& options)
      : utility_(utility),
        violation_(violation),
        round_(round),
        patience_(patience),
        design_(design),
        options_(options) {
    region_.length = options.first_length;
  }

  TrustRegion run() {
    for (Eigen::Index row = 0; row < utility_.size(); ++row) {
      const Worth worth = at(row);
      if (row - region_.first < design_) {
        take(row, worth);
        continue;
      }
      region_.designing = false;
      improved_ = improved_ || worth.improves_on(best_, options_.least_improvement);
      take(row, worth);
      if (++in_round_ == round_) finish_round(row);
    }
    if (utility_.size() - region_.first >= design_) region_.designing = false;
    return region_;
  }

 private:
  [[nodiscard]] Worth at(Eigen::Index row) const {
    const double broken = violation_.size() > 0 ? violation_(row) : 0.0;
    if (std::isnan(utility_(row)) || std::isnan(broken)) return {};
    return {broken, utility_(row)};
  }

  void take(Eigen::Index row, const Worth& worth) {
    if (!worth.better_than(best_)) return;
    best_ = worth;
    region_.centre = row;
  }

  void finish_round(Eigen::Index row) {
    successes_ = improved_ ? successes_ + 1 : 0;
    failures_ = improved_ ? 0 : failures_ + 1;
    improved_ = false;
    in_round_ = 0;
    if (successes_ == options_.successes) {
      region_.length = std::min(2.0 * region_.length, options_.largest_length);
      successes_ = 0;
    } else if (failures_ == patience_) {
      region_.length /= 2.0;
      failures_ = 0;
    }
    if (region_.length >= options_.smallest_length) return;
    region_ = {row + 1, -1, options_.first_length, region_.starts + 1, true};
    best_ = {};
    successes_ = 0;
    failures_ = 0;
  }

  const Eigen::VectorXd& utility_;
  const Eigen::VectorXd& violation_;
  Eigen::Index round_;
  Eigen::Index patience_;
  Eigen::Index design_;
  const TrustRegionOptions& options_;
  TrustRegion region_;
  Worth best_;
  Eigen::Index in_round_ = 0;
  bool improved_ = false;
  int successes_ = 0;
  Eigen::Index failures_ = 0;
};

}  // namespace

TrustRegion trust_region(const Eigen::VectorXd& utility, const Eigen::VectorXd& violation, Eigen::Index d,
                         Eigen::Index q, Eigen::Index design, const TrustRegionOptions& options) {
  const Eigen::Index patience = (std::max<Eigen::Index>(4, d) + q - 1) / q;
  return Replay(utility, violation, q, patience, design, options).run();
}

Eigen::VectorXd trust_region_widths(double length, const Eigen::VectorXd& lengthscales) {
  const Eigen::VectorXd logs = lengthscales.array().log();
  return length * (logs.array() - logs.mean()).exp();
}

}  // namespace luban::recommend::detail
