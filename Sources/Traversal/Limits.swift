/// The limits of this room, each with its reason.
public enum TraversalLimits {
}
