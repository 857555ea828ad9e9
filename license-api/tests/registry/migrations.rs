//! Migrations in both directions.

use crate::world::{ROLE_PASSWORD, World, with_world};
use license_api::db::{AppRole, Readiness, SchemaError, migrate, newest_version, pool, readiness, revert};

#[tokio::test]
async fn migrations_may_be_repeated_and_undone() {
    with_world(async |world: &World| {
        let role = AppRole::new(&world.role, None).unwrap();
        let mut rng = credentials::system_random();
        let again = migrate(&world.admin, &role, &mut rng).await.unwrap();
        assert_eq!((again.changed.len(), again.role_created), (0, false));
        assert_eq!(readiness(&world.state.pool).await, Ok(Readiness::Ready));
        let all = again.version.map(|_| 1).unwrap();
        assert!(matches!(revert(&world.admin, 99).await, Err(SchemaError::TooMany { asked: 99, .. })));
        let undone = revert(&world.admin, all).await.unwrap();
        assert_eq!((undone.changed, undone.version), (vec![newest_version()], None));
        let tables = "SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'public'";
        assert_eq!(world.value(tables).await, "schema_migrations");
        let redone = migrate(&world.admin, &role, &mut rng).await.unwrap();
        assert_eq!(redone.version, Some(newest_version()));
        // Without a password the role kept the one it had, and has its rights again.
        let fresh = pool(world.options.clone().username(&world.role).password(ROLE_PASSWORD), 1);
        assert_eq!(readiness(&fresh).await, Ok(Readiness::Ready));
        fresh.close().await;
        world.essentials("s-1").await;
    })
    .await;
}

#[tokio::test]
async fn names_and_passwords_that_need_quoting_are_refused() {
    assert!(matches!(AppRole::new("a b", None), Err(SchemaError::RoleName)));
    assert!(matches!(AppRole::new("a\"; DROP", None), Err(SchemaError::RoleName)));
    assert!(matches!(AppRole::new("app", Some("".into())), Err(SchemaError::Password)));
    let shown = format!("{:?}", AppRole::new("app", Some("hidden-word".into())).unwrap());
    assert!(!shown.contains("hidden-word"));
}
