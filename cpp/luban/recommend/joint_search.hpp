#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <Eigen/Core>

#include <luban/core/call_control.hpp>
#include <luban/core/random.hpp>
#include <luban/recommend/export.hpp>
#include <luban/recommend/joint_acquisition.hpp>
#include <luban/recommend/search.hpp>
#include <luban/recommend/search_region.hpp>
#include <luban/surrogate/beside.hpp>

namespace luban::recommend {

/// What is maximised over sets of q points: one value for the set, with constraints c ≤ 0 of each point.
class LUBAN_RECOMMEND_EXPORT JointLandscape {
 public:
  struct Value {
    double value = 0.0;
    Eigen::MatrixXd gradient;                ///< (q, p)
    Eigen::MatrixXd constraints;             ///< (q, k)
    std::vector<Eigen::MatrixXd> jacobians;  ///< per constraint (q, p): row i of point i's constraint by point i
  };
  virtual ~JointLandscape();
  [[nodiscard]] virtual Eigen::Index q() const noexcept = 0;
  /// @param X (q, p) coded. Gradient and jacobians are left out on request.
  [[nodiscard]] virtual Value evaluate(const Eigen::MatrixXd& X, bool gradients) const = 0;
};

/// A joint acquisition of a surrogate beside fixed points, with the constraints of a pointwise landscape.
class LUBAN_RECOMMEND_EXPORT SurrogateJointLandscape final : public JointLandscape {
 public:
  struct Definition {
    std::shared_ptr<const surrogate::SurrogateBeside> beside;
    std::shared_ptr<const JointAcquisition> acquisition;
    Eigen::Index q = 1;
    /// Bounds to keep with their probability, points to stay away from, reach: its constraints count, its values do
    /// not; null = none.
    std::shared_ptr<const Landscape> limits = nullptr;
  };
  explicit SurrogateJointLandscape(Definition definition);
  [[nodiscard]] Eigen::Index q() const noexcept override { return definition_.q; }
  [[nodiscard]] Value evaluate(const Eigen::MatrixXd& X, bool gradients) const override;

 private:
  Definition definition_;
};

struct JointSearchOptions {
  int raw_sets = 512;        ///< 16 … 1e6 sets of q points judged first
  int restarts = 10;         ///< 1 … 1000 local searches, from the best and from Boltzmann-drawn sets
  int max_iterations = 200;  ///< 1 … of each local search; q · d coordinates need more than d do
  double boltzmann = 1.0;    ///< weight exp(boltzmann · standardised value) of a raw set as a start
  int threads = 0;           ///< 0 = the CPU budget
};

struct LUBAN_RECOMMEND_EXPORT JointSearchResult {
  Eigen::MatrixXd X;  ///< (q, p)
  double value = 0.0;
  double violation = 0.0;  ///< largest constraint of any point above 0; 0 = admissible
  int evaluations = 0;     ///< sets judged in all
  [[nodiscard]] bool admissible() const noexcept { return violation <= 0.0; }
};

/// Maximises a joint landscape over sets of q points of a region: raw sets from SearchRegion::sample, then independent
/// sequential quadratic searches over all q · d continuous coordinates with exact bounds and relations, alternating
/// with steps of single discrete coordinates to neighbouring values. The same answer for any number of threads.
/// @param starts further sets (q, p) to climb from; each point is projected onto the region.
/// @return the best admissible set; when none was found, the one that breaks the constraints least.
/// @throws ConfigurationError on an option out of range; DataError on starts of another shape; NumericalError when no
/// set has a finite value; StoppedError.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT JointSearchResult
joint_search(const SearchRegion& region, const JointLandscape& landscape, const std::vector<Eigen::MatrixXd>& starts,
             const JointSearchOptions& options, core::RandomKey key, const core::CallControl& control = {});

/// The landscape of q further points beside those chosen so far, which count as pending.
using MakeJointLandscape =
    std::function<std::unique_ptr<JointLandscape>(const Eigen::MatrixXd& chosen, Eigen::Index q)>;

/// Chooses q points one after the other, each with the earlier ones pending: q searches in d coordinates instead of one
/// in q · d, often as good. With `polish` one search over all coordinates then starts from that set.
/// @return the set; its value is that of the whole set under make(no rows, q). @throws what joint_search throws.
[[nodiscard]] LUBAN_RECOMMEND_EXPORT JointSearchResult sequential_joint_search(
    const SearchRegion& region, const MakeJointLandscape& make, Eigen::Index q, const JointSearchOptions& options,
    bool polish, core::RandomKey key, const core::CallControl& control = {});

}  // namespace luban::recommend
