//! The schema of scenario files: generated from the structs, then read back as the forms that the
//! checks and the reference walk along. One source, three uses.

use super::file;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The tables whose scalars may be axes of the matrix.
pub(super) const AXIS_TABLES: [&str; 5] = ["target", "dataset", "workload", "retrieval", "rag"];

/// What a value must look like.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    /// A table with named fields, and possibly free ones.
    Table {
        /// The named fields, in the order of the structs.
        fields: Vec<Field>,
        /// The form of all other fields; none are allowed where absent.
        rest: Option<Box<Form>>,
    },
    /// A list.
    List(Box<Form>),
    /// Text.
    Text(Text),
    /// A number.
    Number(Limits),
    /// `true` or `false`.
    Flag,
    /// One of a few values.
    Choice(Vec<Value>),
    /// Anything.
    Any,
}

/// What a text must look like.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Text {
    /// One of the patterns of [`file`].
    pub(super) pattern: Option<String>,
    /// Most characters.
    pub(super) longest: Option<u64>,
    /// Whether it may hold any character, as prompts may.
    pub(super) prose: bool,
}

/// The range of a number.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Limits {
    pub(super) whole: bool,
    pub(super) at_least: Option<f64>,
    pub(super) above: Option<f64>,
    pub(super) at_most: Option<f64>,
    pub(super) multiple_of: Option<f64>,
}

/// A field of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) form: Form,
    pub(super) required: bool,
    pub(super) doc: String,
    pub(super) default: Option<Value>,
    pub(super) example: Option<Value>,
}

impl Form {
    /// The field of a table by its name.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// The named fields; none for anything but a table.
    pub(super) fn fields(&self) -> &[Field] {
        match self {
            Self::Table { fields, .. } => fields,
            Self::List(_)
            | Self::Text(_)
            | Self::Number(_)
            | Self::Flag
            | Self::Choice(_)
            | Self::Any => &[],
        }
    }

    /// Whether it is one value that may vary along an axis.
    pub(super) fn is_scalar(&self) -> bool {
        match self {
            Self::Text(_) | Self::Number(_) | Self::Flag | Self::Choice(_) => true,
            Self::Table { .. } | Self::List(_) | Self::Any => false,
        }
    }

    fn read(schema: &Value) -> Self {
        if let Some(values) = choices(schema) {
            return Self::Choice(values);
        }
        match schema["type"].as_str() {
            Some("object") => Self::Table { fields: fields(schema), rest: rest(schema) },
            Some("array") => Self::List(Box::new(items(schema))),
            Some("string") => Self::Text(Text {
                pattern: schema["pattern"].as_str().map(str::to_owned),
                longest: schema["maxLength"].as_u64(),
                prose: schema["x-prose"].as_bool().unwrap_or(false),
            }),
            Some("integer") => Self::Number(limits(schema, true)),
            Some("number") => Self::Number(limits(schema, false)),
            Some("boolean") => Self::Flag,
            _ => Self::Any,
        }
    }
}

/// The form of a list's items, which are prose where the list is.
fn items(schema: &Value) -> Form {
    match Form::read(&schema["items"]) {
        Form::Text(text) if schema["x-prose"] == true => Form::Text(Text { prose: true, ..text }),
        form => form,
    }
}

fn choices(schema: &Value) -> Option<Vec<Value>> {
    let listed = schema["enum"].as_array().cloned();
    listed.or_else(|| {
        let documented = schema["oneOf"].as_array()?;
        Some(documented.iter().map(|choice| choice["const"].clone()).collect())
    })
}

fn fields(schema: &Value) -> Vec<Field> {
    let required = |name: &str| {
        schema["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name))
    };
    let field = |(name, inner): (&String, &Value)| Field {
        name: name.clone(),
        form: Form::read(inner),
        required: required(name),
        doc: inner["description"].as_str().unwrap_or_default().to_owned(),
        default: inner.get("default").cloned(),
        example: inner["examples"].get(0).cloned(),
    };
    schema["properties"].as_object().into_iter().flatten().map(field).collect()
}

fn rest(schema: &Value) -> Option<Box<Form>> {
    match schema.get("additionalProperties")? {
        Value::Bool(false) => None,
        open => Some(Box::new(Form::read(open))),
    }
}

fn limits(schema: &Value, whole: bool) -> Limits {
    Limits {
        whole,
        at_least: schema["minimum"].as_f64(),
        above: schema["exclusiveMinimum"].as_f64(),
        at_most: schema["maximum"].as_f64(),
        multiple_of: schema["multipleOf"].as_f64(),
    }
}

/// The form of a whole file.
pub(super) static FILE: LazyLock<Form> = LazyLock::new(|| Form::read(&schema()));

/// The axes: short name, table, and what a value must look like.
pub(super) fn axes() -> impl Iterator<Item = (&'static str, &'static Field)> {
    AXIS_TABLES.into_iter().flat_map(|table| {
        let fields = FILE.field(table).map(|field| field.form.fields()).unwrap_or_default();
        let scalar = |field: &&Field| is_axis(table, &field.name, &field.form);
        fields.iter().filter(scalar).map(move |field| (table, field))
    })
}

/// The kind of load and the kind of data have one short name, so neither is an axis.
fn is_axis(table: &str, name: &str, form: &Form) -> bool {
    let is_apart = matches!(name, "kind" | "api_key_env" | "embedding_key_env");
    AXIS_TABLES.contains(&table) && form.is_scalar() && !is_apart
}

/// The JSON schema of scenario files, for editors.
#[must_use]
pub fn schema_json() -> String {
    let mut text = serde_json::to_string_pretty(&schema()).expect("a JSON value can be written");
    text.push('\n');
    text
}

fn schema() -> Value {
    let settings = schemars::generate::SchemaSettings::draft07().with(|settings| {
        settings.inline_subschemas = true;
    });
    let mut root = settings.into_generator().into_root_schema_for::<file::File>().to_value();
    tidy(&mut root);
    let axes = matrix(&root);
    put_axes(&mut root, &axes);
    root
}

/// TOML has no null, and unknown keys are errors everywhere: the schema says so.
fn tidy(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    drop_null(object);
    close(object);
    for inner in ["items", "additionalProperties"] {
        object.get_mut(inner).into_iter().for_each(tidy);
    }
    let properties = object.get_mut("properties").and_then(Value::as_object_mut);
    properties.into_iter().flat_map(Map::values_mut).for_each(tidy);
}

fn drop_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get("type") {
        let plain = types.iter().find(|kind| *kind != "null").cloned();
        object.insert("type".to_owned(), plain.unwrap_or(Value::Null));
    }
    let wrapped =
        object.get("anyOf").and_then(|any| any.get(0)).and_then(Value::as_object).cloned();
    if let Some(inner) = wrapped {
        object.remove("anyOf");
        inner.into_iter().for_each(|(key, value)| {
            object.entry(key).or_insert(value);
        });
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if matches!(object.get("default"), Some(Value::Null | Value::Object(_))) {
        object.remove("default");
    }
}

fn close(object: &mut Map<String, Value>) {
    object.remove("unevaluatedProperties");
    if object.contains_key("properties") && !object.contains_key("additionalProperties") {
        object.insert("additionalProperties".to_owned(), json!(false));
    }
}

/// The schema of a matrix: each scalar of the axis tables, as a list.
fn matrix(root: &Value) -> Value {
    let mut axes = Map::new();
    for table in AXIS_TABLES {
        let properties = root["properties"][table]["properties"].as_object().into_iter().flatten();
        for (name, inner) in properties {
            if is_axis(table, name, &Form::read(inner)) {
                let mut items = inner.clone();
                items.as_object_mut().map(|items| items.remove("default"));
                axes.insert(name.clone(), json!({"type": "array", "items": items, "minItems": 1}));
            }
        }
    }
    Value::Object(axes)
}

fn put_axes(schema: &mut Value, axes: &Value) {
    match schema {
        Value::Object(object) => {
            if let Some(matrix) = object.get_mut("properties").and_then(|all| all.get_mut("matrix"))
            {
                matrix["properties"] = axes.clone();
                matrix["additionalProperties"] = json!(false);
                matrix.as_object_mut().map(|matrix| matrix.remove("default"));
            }
            object.values_mut().for_each(|inner| put_axes(inner, axes));
        }
        Value::Array(items) => items.iter_mut().for_each(|inner| put_axes(inner, axes)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
