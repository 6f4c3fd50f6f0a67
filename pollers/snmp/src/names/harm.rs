//! MIB files that mib-rs had better not be given: it goes down into what is nested by recursion, and an oid takes as much
//! memory as it has numbers. No file of a vendor comes near these bounds.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use mib_rs::{
    DiagnosticConfig, ReportingLevel, Severity,
    compile::{
        ast::{Definition, OidAssignment, OidComponent, TypeSyntax},
        parser::Parser,
    },
    source::{SourceOrigin, SourceSet},
};

/// Braces in each other: SEQUENCE and CHOICE. The built-in types of SMI have two.
const DEEPEST: usize = 32;
/// Tags in one definition: `[APPLICATION 1]`. SMI has one.
const MOST_TAGS: usize = 8;
/// Numbers of an oid (RFC 2578, clause 3.5), and so definitions that hang one on the other; for types there is no reason to
/// have more.
const LONGEST: usize = 128;

/// What a look at a file has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    Good,
    /// Not all of it can be understood.
    Faulty,
    /// Not to be read, and why.
    Harmful(String),
}

pub(super) fn look(bytes: &Arc<[u8]>) -> Look {
    nesting(bytes).map_or_else(|| definitions(bytes), Look::Harmful)
}

/// Braces and tags, counted without what is in texts and comments.
fn nesting(bytes: &[u8]) -> Option<String> {
    let (mut depth, mut tags) = (0_usize, 0_usize);
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        at = at.saturating_add(match rest {
            [b'"', text @ ..] => {
                text.iter().position(|byte| *byte == b'"').map_or(rest.len(), |end| end.saturating_add(2))
            }
            [b'-', b'-', comment @ ..] => {
                comment.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end.saturating_add(2))
            }
            [b':', b':', b'=', ..] => {
                tags = 0;
                3
            }
            [byte, ..] => {
                match byte {
                    b'{' => depth = depth.saturating_add(1),
                    b'}' => depth = depth.saturating_sub(1),
                    b'[' => tags = tags.saturating_add(1),
                    _ => {}
                }
                1
            }
            [] => 1,
        });
        if depth > DEEPEST {
            return Some(format!("more than {DEEPEST} braces are open in each other"));
        }
        if tags > MOST_TAGS {
            return Some(format!("a definition has more than {MOST_TAGS} tags in brackets"));
        }
    }
    None
}

/// Definitions that hang one on the other, in one module; and whether all can be understood.
fn definitions(bytes: &Arc<[u8]>) -> Look {
    let mut sources = SourceSet::new();
    let source = sources.insert(SourceOrigin::memory("look"), "look", Arc::clone(bytes));
    let Some(document) = source.ok().and_then(|source| sources.get(source)) else { return Look::Faulty };
    let config = DiagnosticConfig::for_reporting(ReportingLevel::Quiet);
    let mut look = Look::Good;
    for module in Parser::new(document, &config).parse_modules() {
        let mut parents = HashMap::with_capacity(module.body.len());
        for definition in &module.body {
            if let Some(oid) = oid(definition)
                && oid.components.len() > LONGEST
            {
                return Look::Harmful(format!("an oid has more than {LONGEST} numbers"));
            }
            if let Some((name, parent)) = definition.name().zip(parent(definition)) {
                parents.insert(name.name.as_str(), parent);
            }
        }
        for start in parents.keys() {
            let chain = std::iter::successors(Some(*start), |at| parents.get(at).copied())
                .take(LONGEST.saturating_add(2));
            // A circle is no chain; the resolver tells it.
            if chain.clone().count() > LONGEST && chain.collect::<HashSet<_>>().len() > LONGEST {
                return Look::Harmful(format!("{start} hangs on {LONGEST} others and more"));
            }
        }
        if module.diagnostics.iter().any(|diagnostic| diagnostic.severity <= Severity::Error) {
            look = Look::Faulty;
        }
    }
    look
}

fn oid(definition: &Definition) -> Option<&OidAssignment> {
    match definition {
        Definition::ObjectType(of) => Some(&of.oid),
        Definition::ModuleIdentity(of) => Some(&of.oid),
        Definition::ObjectIdentity(of) => Some(&of.oid),
        Definition::NotificationType(of) => Some(&of.oid),
        Definition::ValueAssignment(of) => Some(&of.oid),
        Definition::ObjectGroup(of) => Some(&of.oid),
        Definition::NotificationGroup(of) => Some(&of.oid),
        Definition::ModuleCompliance(of) => Some(&of.oid),
        Definition::AgentCapabilities(of) => Some(&of.oid),
        _ => None,
    }
}

/// On what it hangs: the first name of its oid, or the type that it is.
fn parent(definition: &Definition) -> Option<&str> {
    let syntax = match definition {
        Definition::TextualConvention(of) => Some(&of.syntax.syntax),
        Definition::TypeAssignment(of) => Some(&of.syntax),
        _ => None,
    };
    if let Some(mut syntax) = syntax {
        loop {
            syntax = match syntax {
                TypeSyntax::TypeRef(name) => return Some(&name.name),
                TypeSyntax::IntegerEnum { base, .. } => return base.as_ref().map(|name| name.name.as_str()),
                TypeSyntax::Constrained { base, .. } => base,
                TypeSyntax::Tagged { underlying, .. } => underlying,
                _ => return None,
            };
        }
    }
    match oid(definition)?.components.first()? {
        OidComponent::Name(name)
        | OidComponent::NamedNumber { name, .. }
        | OidComponent::QualifiedName { name, .. }
        | OidComponent::QualifiedNamedNumber { name, .. } => Some(&name.name),
        OidComponent::Number { .. } => None,
    }
}
