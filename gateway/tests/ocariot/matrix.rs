//! Role × operation: who may do what to whose, a line per operation and kind of thing, a column per kind of caller.

use serde_json::{Value, json};
use testing::{Database, suite::PASSWORD};

use crate::{
    NOBODY, column, forbidden, institution, made,
    school::{Kind, School, User, groups},
};

/// A line of the contract's table.
pub struct Operation {
    pub number: u8,
    pub method: &'static str,
    /// Without the prefix.
    pub path: &'static str,
}

/// The contract's table.
#[rustfmt::skip]
pub const OPERATIONS: [Operation; 42] = [
    operation(1,  "POST",   "/auth"),
    operation(2,  "PUT",    "/users/{user_id}/password"),
    operation(3,  "POST",   "/users/{user_id}/reset-password"),
    operation(4,  "DELETE", "/users/{user_id}"),
    operation(5,  "POST",   "/institutions"),
    operation(6,  "GET",    "/institutions"),
    operation(7,  "GET",    "/institutions/{institution_id}"),
    operation(8,  "PATCH",  "/institutions/{institution_id}"),
    operation(9,  "DELETE", "/institutions/{institution_id}"),
    operation(10, "POST",   "/children"),
    operation(11, "GET",    "/children"),
    operation(12, "GET",    "/children/{child_id}"),
    operation(13, "PATCH",  "/children/{child_id}"),
    operation(14, "POST",   "/educators"),
    operation(15, "GET",    "/educators"),
    operation(16, "GET",    "/educators/{educator_id}"),
    operation(17, "PATCH",  "/educators/{educator_id}"),
    operation(18, "POST",   "/healthprofessionals"),
    operation(19, "GET",    "/healthprofessionals"),
    operation(20, "GET",    "/healthprofessionals/{healthprofessional_id}"),
    operation(21, "PATCH",  "/healthprofessionals/{healthprofessional_id}"),
    operation(22, "POST",   "/families"),
    operation(23, "GET",    "/families"),
    operation(24, "GET",    "/families/{family_id}"),
    operation(25, "PATCH",  "/families/{family_id}"),
    operation(26, "GET",    "/families/{family_id}/children"),
    operation(27, "POST",   "/families/{family_id}/children/{child_id}"),
    operation(28, "DELETE", "/families/{family_id}/children/{child_id}"),
    operation(29, "POST",   "/applications"),
    operation(30, "GET",    "/applications"),
    operation(31, "GET",    "/applications/{application_id}"),
    operation(32, "PATCH",  "/applications/{application_id}"),
    operation(33, "POST",   "/educators/{educator_id}/children/groups"),
    operation(34, "GET",    "/educators/{educator_id}/children/groups"),
    operation(35, "GET",    "/educators/{educator_id}/children/groups/{group_id}"),
    operation(36, "PATCH",  "/educators/{educator_id}/children/groups/{group_id}"),
    operation(37, "DELETE", "/educators/{educator_id}/children/groups/{group_id}"),
    operation(38, "POST",   "/healthprofessionals/{healthprofessional_id}/children/groups"),
    operation(39, "GET",    "/healthprofessionals/{healthprofessional_id}/children/groups"),
    operation(40, "GET",    "/healthprofessionals/{healthprofessional_id}/children/groups/{group_id}"),
    operation(41, "PATCH",  "/healthprofessionals/{healthprofessional_id}/children/groups/{group_id}"),
    operation(42, "DELETE", "/healthprofessionals/{healthprofessional_id}/children/groups/{group_id}"),
];

const fn operation(number: u8, method: &'static str, path: &'static str) -> Operation {
    Operation { number, method, path }
}

/// The columns: admin, application (P), child, educator, family, health professional, client of the library (L).
const COLUMNS: &str = "A P C E F H L";

/// Number, path, what it answers to those who may (the letter is there), and who they are; the others get 403.
///
/// `{self}` is the caller, `{fresh}` an educator made for the cell, `{empty}` an institution made for it without users. `{child}`,
/// `{educator}`, `{health}`, `{family}`, `{application}` and `{institution}` are the callers' own, and the child is the
/// family's; `{other …}` are other people's. `{group}` is the educator's and `{group of health}` the health professional's.
#[rustfmt::skip]
const MATRIX: [(u8, &str, u16, &str); 101] = [
    (1,  "/auth",                                                200, "A P C E F H L"),

    (2,  "/users/{self}/password",                               204, "A - - E F H -"),
    (2,  "/users/{fresh}/password",                                0, "- - - - - - -"),
    (2,  "/users/{nobody}/password",                               0, "- - - - - - -"),
    (3,  "/users/{fresh}/reset-password",                        204, "A - - - - - -"),
    (3,  "/users/{nobody}/reset-password",                       404, "A - - - - - -"),
    (3,  "/users/{self}/reset-password",                         204, "A - - - - - -"),
    (4,  "/users/{fresh}",                                       204, "A - - - - - -"),
    (4,  "/users/{nobody}",                                      204, "A - - - - - -"),
    (4,  "/users/{self}",                                          0, "- - - - - - -"),

    (5,  "/institutions",                                        201, "A - - - - - -"),
    (6,  "/institutions",                                        200, "A P - E - H -"),
    (7,  "/institutions/{institution}",                          200, "A P C E F H -"),
    (7,  "/institutions/{other institution}",                    200, "A P - E - H -"),
    (7,  "/institutions/{nobody}",                               404, "A P - E - H -"),
    (8,  "/institutions/{institution}",                          200, "A - - E - H -"),
    (8,  "/institutions/{other institution}",                    200, "A - - - - - -"),
    (8,  "/institutions/{nobody}",                               404, "A - - - - - -"),
    (9,  "/institutions/{empty}",                                204, "A - - - - - -"),
    (9,  "/institutions/{institution}",                          400, "A - - - - - -"),
    (9,  "/institutions/{nobody}",                               204, "A - - - - - -"),

    (10, "/children",                                            201, "A - - - - - -"),
    (11, "/children",                                            200, "A P - E - H -"),
    (12, "/children/{child}",                                    200, "A - C E F H -"),
    (12, "/children/{other child}",                              200, "A - - E - H -"),
    (12, "/children/{family}",                                   404, "A - - E - H -"),
    (12, "/children/{nobody}",                                   404, "A - - E - H -"),
    (13, "/children/{child}",                                    200, "A - - - - - -"),
    (13, "/children/{nobody}",                                   404, "A - - - - - -"),

    (14, "/educators",                                           201, "A - - - - - -"),
    (15, "/educators",                                           200, "A - - - - - -"),
    (16, "/educators/{educator}",                                200, "A - - E - - -"),
    (16, "/educators/{other educator}",                          200, "A - - - - - -"),
    (16, "/educators/{health}",                                  404, "A - - - - - -"),
    (16, "/educators/{nobody}",                                  404, "A - - - - - -"),
    (17, "/educators/{educator}",                                200, "A - - E - - -"),
    (17, "/educators/{other educator}",                          200, "A - - - - - -"),
    (17, "/educators/{health}",                                  404, "A - - - - - -"),
    (17, "/educators/{nobody}",                                  404, "A - - - - - -"),

    (18, "/healthprofessionals",                                 201, "A - - - - - -"),
    (19, "/healthprofessionals",                                 200, "A - - - - - -"),
    (20, "/healthprofessionals/{health}",                        200, "A - - - - H -"),
    (20, "/healthprofessionals/{other health}",                  200, "A - - - - - -"),
    (20, "/healthprofessionals/{educator}",                      404, "A - - - - - -"),
    (20, "/healthprofessionals/{nobody}",                        404, "A - - - - - -"),
    (21, "/healthprofessionals/{health}",                        200, "A - - - - H -"),
    (21, "/healthprofessionals/{other health}",                  200, "A - - - - - -"),
    (21, "/healthprofessionals/{educator}",                      404, "A - - - - - -"),
    (21, "/healthprofessionals/{nobody}",                        404, "A - - - - - -"),

    (22, "/families",                                            201, "A - - - - - -"),
    (23, "/families",                                            200, "A - - - - - -"),
    (24, "/families/{family}",                                   200, "A - - - F - -"),
    (24, "/families/{other family}",                             200, "A - - - - - -"),
    (24, "/families/{nobody}",                                   404, "A - - - - - -"),
    (25, "/families/{family}",                                   200, "A - - - F - -"),
    (25, "/families/{other family}",                             200, "A - - - - - -"),
    (25, "/families/{nobody}",                                   404, "A - - - - - -"),
    (26, "/families/{family}/children",                          200, "A - - - F - -"),
    (26, "/families/{other family}/children",                    200, "A - - - - - -"),
    (26, "/families/{nobody}/children",                          404, "A - - - - - -"),
    (27, "/families/{family}/children/{child}",                  200, "A - - - - - -"),
    (27, "/families/{nobody}/children/{child}",                  400, "A - - - - - -"),
    (27, "/families/{family}/children/{nobody}",                 400, "A - - - - - -"),
    (28, "/families/{other family}/children/{child}",            204, "A - - - - - -"),
    (28, "/families/{family}/children/{nobody}",                 204, "A - - - - - -"),
    (28, "/families/{nobody}/children/{child}",                  404, "A - - - - - -"),

    (29, "/applications",                                        201, "A - - - - - -"),
    (30, "/applications",                                        200, "A - - - - - -"),
    (31, "/applications/{application}",                          200, "A P - - - - -"),
    (31, "/applications/{other application}",                    200, "A - - - - - -"),
    (31, "/applications/{nobody}",                               404, "A - - - - - -"),
    (32, "/applications/{application}",                          200, "A - - - - - -"),
    (32, "/applications/{nobody}",                               404, "A - - - - - -"),

    (33, "/educators/{educator}/children/groups",                201, "- - - E - - -"),
    (33, "/educators/{other educator}/children/groups",            0, "- - - - - - -"),
    (33, "/educators/{health}/children/groups",                    0, "- - - - - - -"),
    (33, "/educators/{nobody}/children/groups",                    0, "- - - - - - -"),
    (34, "/educators/{educator}/children/groups",                200, "- - - E - - -"),
    (34, "/educators/{other educator}/children/groups",            0, "- - - - - - -"),
    (34, "/educators/{health}/children/groups",                    0, "- - - - - - -"),
    (35, "/educators/{educator}/children/groups/{group}",        200, "- - - E - - -"),
    (35, "/educators/{educator}/children/groups/{nobody}",       404, "- - - E - - -"),
    (35, "/educators/{other educator}/children/groups/{group}",    0, "- - - - - - -"),
    (36, "/educators/{educator}/children/groups/{group}",        200, "- - - E - - -"),
    (36, "/educators/{other educator}/children/groups/{group}",    0, "- - - - - - -"),
    (37, "/educators/{other educator}/children/groups/{group}",    0, "- - - - - - -"),
    (37, "/educators/{educator}/children/groups/{group}",        204, "- - - E - - -"),

    (38, "/healthprofessionals/{health}/children/groups",        201, "- - - - - H -"),
    (38, "/healthprofessionals/{other health}/children/groups",    0, "- - - - - - -"),
    (38, "/healthprofessionals/{educator}/children/groups",        0, "- - - - - - -"),
    (38, "/healthprofessionals/{nobody}/children/groups",          0, "- - - - - - -"),
    (39, "/healthprofessionals/{health}/children/groups",        200, "- - - - - H -"),
    (39, "/healthprofessionals/{other health}/children/groups",    0, "- - - - - - -"),
    (39, "/healthprofessionals/{educator}/children/groups",        0, "- - - - - - -"),
    (40, "/healthprofessionals/{health}/children/groups/{group of health}",
                                                                 200, "- - - - - H -"),
    (40, "/healthprofessionals/{health}/children/groups/{nobody}",
                                                                 404, "- - - - - H -"),
    (40, "/healthprofessionals/{other health}/children/groups/{group of health}",
                                                                   0, "- - - - - - -"),
    (41, "/healthprofessionals/{health}/children/groups/{group of health}",
                                                                 200, "- - - - - H -"),
    (41, "/healthprofessionals/{other health}/children/groups/{group of health}",
                                                                   0, "- - - - - - -"),
    (42, "/healthprofessionals/{other health}/children/groups/{group of health}",
                                                                   0, "- - - - - - -"),
    (42, "/healthprofessionals/{health}/children/groups/{group of health}",
                                                                 204, "- - - - - H -"),
];

/// A school, other people's things in it, and the seven callers in the order of the columns.
struct Scene {
    school: School,
    callers: [User; 7],
    /// What a place in a path stands for.
    places: Vec<(&'static str, String)>,
}

impl Scene {
    async fn set(db: &Database) -> Self {
        let school = School::open(db).await;
        let client = school.client("royce27@gmail.com").await;
        let other_child = school.fresh(Kind::Child, "other child").await;
        let others = crate::with(&school.body(Kind::Family, "other family"), &json!({"children": [other_child]}));
        let other_family = made(&school.post(&school.admin, "/families", others).await);
        let places = vec![
            ("{nobody}", NOBODY.to_owned()),
            ("{institution}", school.institution.clone()),
            ("{child}", school.child.id.clone()),
            ("{educator}", school.educator.id.clone()),
            ("{health}", school.healthprofessional.id.clone()),
            ("{family}", school.family.id.clone()),
            ("{application}", school.application.id.clone()),
            ("{other institution}", school.institution("Escola Dois").await),
            ("{other child}", other_child),
            ("{other educator}", school.fresh(Kind::Educator, "other educator").await),
            ("{other health}", school.fresh(Kind::HealthProfessional, "other health").await),
            ("{other family}", other_family),
            ("{other application}", school.fresh(Kind::Application, "other application").await),
            ("{group}", school.group(Kind::Educator, "Group One").await),
            ("{group of health}", school.group(Kind::HealthProfessional, "Group One").await),
        ];
        let callers = [
            school.admin.clone(),
            school.application.clone(),
            school.child.clone(),
            school.educator.clone(),
            school.family.clone(),
            school.healthprofessional.clone(),
            client,
        ];
        Self { school, callers, places }
    }

    /// The path of a cell, whose things it makes. `cell` is a name that no other cell has.
    async fn path(&self, template: &str, caller: &User, cell: &str) -> String {
        let mut path = template.replace("{self}", &caller.id);
        if path.contains("{fresh}") {
            path = path.replace("{fresh}", &self.school.fresh(Kind::Educator, &format!("fresh {cell}")).await);
        }
        if path.contains("{empty}") {
            path = path.replace("{empty}", &self.school.institution(&format!("fresh {cell}")).await);
        }
        self.places.iter().fold(path, |path, (place, id)| path.replace(place, id))
    }

    /// What an operation takes.
    fn body(&self, number: u8, caller: &User, cell: &str) -> Option<Value> {
        let name = format!("made {cell}");
        match number {
            1 => Some(json!({"username": caller.name, "password": PASSWORD})),
            2 => Some(json!({"old_password": PASSWORD, "new_password": PASSWORD})),
            3 => Some(json!({"new_password": PASSWORD})),
            5 => Some(institution(&name)),
            10 => Some(self.school.body(Kind::Child, &name)),
            14 => Some(self.school.body(Kind::Educator, &name)),
            18 => Some(self.school.body(Kind::HealthProfessional, &name)),
            22 => Some(self.school.body(Kind::Family, &name)),
            29 => Some(self.school.body(Kind::Application, &name)),
            33 | 38 => Some(self.school.group_body(&name)),
            8 | 13 | 17 | 21 | 25 | 32 | 36 | 41 => Some(json!({})),
            _ => None,
        }
    }
}

#[test]
fn each_operation_stands_in_the_matrix() {
    for operation in &OPERATIONS {
        assert!(MATRIX.iter().any(|row| row.0 == operation.number), "{}", operation.number);
    }
    for (_, path, _, who) in MATRIX {
        assert_eq!(who.len(), COLUMNS.len(), "{path}");
        let fits = who.chars().zip(COLUMNS.chars()).all(|(cell, column)| cell == column || cell == '-');
        assert!(fits, "{path}: {who}");
    }
}

testing::on_both! {
    async fn each_kind_of_caller_may_what_the_table_says_and_no_more(db: Database) {
        let scene = Scene::set(&db).await;
        for (row, (number, template, success, who)) in MATRIX.into_iter().enumerate() {
            let method = OPERATIONS[usize::from(number) - 1].method;
            for (caller, mark) in scene.callers.iter().zip(who.split(' ')) {
                let cell = format!("{row} by {}", caller.name);
                let path = scene.path(template, caller, &cell).await;
                let body = scene.body(number, caller, &cell);

                let answer = scene.school.send(caller, method, &path, body).await;

                let context = format!("{number} {method} {template} by {}: {}", caller.name, answer.text);
                match mark {
                    "-" => assert_eq!((answer.status, answer.text), (403, forbidden()), "{context}"),
                    _ => assert_eq!(answer.status, success, "{context}"),
                }
            }
        }
        scene.nobody_but_an_admin_made_anything().await;
    }
}

impl Scene {
    /// What is there of what the cells asked for.
    async fn nobody_but_an_admin_made_anything(&self) {
        let admin = self.school.signed_in("", &self.callers[0].name).await;
        for (path, name) in [
            ("/institutions", "name"),
            ("/children", "username"),
            ("/educators", "username"),
            ("/healthprofessionals", "username"),
            ("/families", "username"),
            ("/applications", "username"),
        ] {
            let all = column(&self.school.get(&admin, &format!("{path}?limit=1000")).await, name);
            let by_cells: Vec<&String> = all.iter().filter(|name| name.starts_with("made ")).collect();
            assert_eq!(by_cells.len(), 1, "{path}: {by_cells:?}");
            assert!(by_cells[0].ends_with("by admin@example.org"), "{by_cells:?}");
        }
        for (kind, owner) in [(Kind::Educator, &self.callers[3]), (Kind::HealthProfessional, &self.callers[5])] {
            let names = column(&self.school.get(owner, &groups(kind, &owner.id)).await, "name");
            assert_eq!(names.len(), 1, "{names:?}");
        }
    }
}
